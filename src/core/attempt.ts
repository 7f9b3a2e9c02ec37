/** One attempt of a call: the state that attempt policies and the connection share. */
import type { Call } from './call.js';
import { CancelScope } from './cancel-scope.js';
import type { CallFailure } from './errors.js';
import type { Intervention } from './intervention.js';

/** Phases of an attempt, in order; `sending` and `streaming` may be skipped. */
export type AttemptPhase =
  /** Waiting for a connection: not one byte has been sent. */
  | 'connecting'
  /** The head is sent; the client is still uploading the body, or the upstream is still taking it. */
  | 'sending'
  /** The last byte of the request is sent; no response yet. */
  | 'waiting'
  /** The response's headers are here, its body is on its way. */
  | 'streaming'
  /** As `streaming`, for a response that has no planned end: an event stream or a tunnel. */
  | 'streaming-events'
  | 'ended';

/** Observes an attempt, for timeouts and traces. */
export interface AttemptObserver {
  onPhase(phase: AttemptPhase): void;
  /** The upstream does not take (true), or takes again (false), the request body's bytes. */
  onStall(isStalled: boolean): void;
  /** Bytes of the response's body came. */
  onProgress(): void;
  /** The client does not take (true), or takes again (false), the response's bytes. */
  onPause(isPaused: boolean): void;
}

/**
 * Ends with its call, or earlier by `cancel`. The stage that runs it reports its phases here. The last one
 * is `ended`, which removes its listener from the call.
 */
export class Attempt extends CancelScope {
  readonly call: Call;
  /** Counts from 1. */
  readonly number: number;
  /** Address of the endpoint that it goes to; undefined until one is chosen, and for good if none could be. */
  endpoint: string | undefined;
  /** It runs beside an earlier attempt, whose 1xx responses go to the client; its own do not. */
  isBeside = false;
  /** The upstream does not take the request body's bytes. */
  isStalled = false;
  /** The client does not take the response's bytes. */
  isPaused = false;
  /** Undefined where its upstream is left to itself; set by a policy before the attempt begins. */
  intervention: Intervention | undefined;
  #observer: AttemptObserver | undefined;
  #others: AttemptObserver[] | undefined;

  constructor(call: Call) {
    super();
    this.call = call;
    call.attempts += 1;
    this.number = call.attempts;
    call.onCancel(this.#onCallCancelled);
  }

  /** Before the attempt begins. */
  observe(observer: AttemptObserver): void {
    if (this.#observer === undefined) this.#observer = observer;
    else (this.#others ??= []).push(observer);
  }

  enter(phase: AttemptPhase): void {
    if (phase === 'ended') this.call.offCancel(this.#onCallCancelled);
    else if (phase !== 'connecting') this.call.wasSent = true;
    this.#observer?.onPhase(phase);
    if (this.#others !== undefined) for (const each of this.#others) each.onPhase(phase);
  }

  stall(isStalled: boolean): void {
    this.isStalled = isStalled;
    this.#observer?.onStall(isStalled);
    if (this.#others !== undefined) for (const each of this.#others) each.onStall(isStalled);
  }

  progress(): void {
    this.#observer?.onProgress();
    if (this.#others !== undefined) for (const each of this.#others) each.onProgress();
  }

  pause(isPaused: boolean): void {
    this.isPaused = isPaused;
    this.#observer?.onPause(isPaused);
    if (this.#others !== undefined) for (const each of this.#others) each.onPause(isPaused);
  }

  readonly #onCallCancelled = (why: CallFailure): void => this.cancel(why);
}
