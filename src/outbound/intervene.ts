/** An upstream that a policy has intervened with: slower than it is, or not asked at all. */
import type { Duplex } from 'node:stream';
import type { Clock, Timer } from '../core/clock.js';
import type { Intervention, StandInResponse } from '../core/intervention.js';
import type { BodyReader } from '../core/request-body.js';
import type { Release } from '../core/reply.js';
import type { Fields } from '../http/fields.js';
import type {
  Dispatched,
  HttpClient,
  OutboundRequest,
  Progress,
  ResponseHandler,
  ResponseHead,
} from './client.js';
import { statusTextOf } from './status-text.js';

/** Where a request is sent. */
export type Sender = Pick<HttpClient, 'dispatch'>;

/** The connection was open, and at least a part of the request was sent. */
const SENT: Progress = {
  isConnected: true,
  sent: 'some',
  isReused: false,
  hasResponseBegun: false,
};

/** @param sender of the endpoint that the attempt goes to. */
export function intervene(
  sender: Sender,
  { delayMs, instead }: Intervention,
  clock: Clock,
): Sender {
  return {
    dispatch(request, handler) {
      if (instead !== undefined) new StandIn(handler, clock).run(request, delayMs, instead);
      else sender.dispatch(request, new LateResponse(handler, clock, delayMs));
    },
  };
}

/** Takes a request as an upstream does, and responds in its place. */
class StandIn implements Dispatched, BodyReader {
  readonly protocolVersion = undefined;
  readonly #handler: ResponseHandler;
  readonly #clock: Clock;
  #timer: Timer | undefined;
  #hasSentAll = true;
  #isOver = false;

  constructor(handler: ResponseHandler, clock: Clock) {
    this.#handler = handler;
    this.#clock = clock;
  }

  get hasSentAll(): boolean {
    return this.#hasSentAll;
  }

  run({ body }: OutboundRequest, delayMs: number, instead: StandInResponse | 'reset'): void {
    const respond = (): void => this.#respond(instead);
    this.#handler.onStart(this);
    if (body !== undefined && body.takeWhole() === undefined) {
      this.#hasSentAll = false;
      body.sendTo(this);
    }
    if (delayMs > 0) this.#timer = this.#clock.schedule(delayMs, respond);
    else respond();
  }

  // From the body.

  offer(): boolean {
    return true;
  }

  onBodyEnd(): void {
    this.#hasSentAll = true;
    if (!this.#isOver) this.#handler.onSent();
  }

  // From the handler. There is nothing to hold back: the response comes in one piece.

  pause(): void {}

  resume(): void {}

  destroy(): void {
    this.#isOver = true;
    this.#timer?.cancel();
  }

  #respond(instead: StandInResponse | 'reset'): void {
    const handler = this.#handler;
    if (this.#isOver) return;
    this.#isOver = true;
    if (instead === 'reset') {
      handler.onFailure(new Error('a reset was injected; the upstream was not called'), SENT);
      return;
    }
    const { status, headers, body } = instead;
    handler.onHead({ status, statusText: statusTextOf(status), headers });
    if (body !== undefined) handler.onData(body);
    handler.onEnd([]);
  }
}

/** Stands between a client and an attempt: holds the response back for a time. */
class LateResponse implements ResponseHandler, Dispatched {
  readonly #inner: ResponseHandler;
  readonly #clock: Clock;
  readonly #delayMs: number;
  #dispatched: Dispatched | undefined;
  #timer: Timer | undefined;
  /** What has come while the response is held back, in order. */
  #held: (() => void)[] | undefined;
  /** What gives back the memory and the connections of that. */
  #drops: (() => void)[] = [];
  /** The connection may carry another request by now. */
  #hasEnded = false;
  #isPaused = false;

  constructor(inner: ResponseHandler, clock: Clock, delayMs: number) {
    this.#inner = inner;
    this.#clock = clock;
    this.#delayMs = delayMs;
  }

  get isOver(): boolean {
    return this.#inner.isOver;
  }

  get protocolVersion(): Dispatched['protocolVersion'] {
    return this.#dispatched?.protocolVersion;
  }

  // From the client.

  onStart(dispatched: Dispatched): void {
    this.#dispatched = dispatched;
    this.#inner.onStart(this);
  }

  onStall(isStalled: boolean): void {
    this.#inner.onStall(isStalled);
  }

  onSent(): void {
    this.#inner.onSent();
  }

  onInformational(head: ResponseHead): void {
    this.#inner.onInformational(head);
  }

  onHead(head: ResponseHead): void {
    this.#hold();
    this.#pass(() => this.#inner.onHead(head));
  }

  onData(chunk: Buffer, release?: Release): void {
    this.#pass(() => this.#inner.onData(chunk, release), release);
  }

  onEnd(trailers: Fields): void {
    this.#hasEnded = true;
    this.#pass(() => this.#inner.onEnd(trailers));
  }

  onUpgrade(head: ResponseHead, socket: Duplex): void {
    this.#hasEnded = true;
    this.#hold();
    this.#pass(
      () => {
        // A tunnel would wait for a close that has been.
        if (!socket.destroyed) this.#inner.onUpgrade(head, socket);
        else this.#inner.onFailure(new Error('other side closed'), SENT);
      },
      () => socket.destroy(),
    );
  }

  onFailure(error: Error, progress: Progress): void {
    this.#hasEnded = true;
    this.#pass(() => this.#inner.onFailure(error, progress));
  }

  // From the attempt.

  get hasSentAll(): boolean {
    return this.#dispatched!.hasSentAll;
  }

  pause(): void {
    this.#isPaused = true;
    if (!this.#hasEnded) this.#dispatched!.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (!this.#hasEnded) this.#dispatched!.resume();
  }

  destroy(): void {
    this.#timer?.cancel();
    if (this.#held !== undefined) for (const drop of this.#drops) drop();
    this.#held = undefined;
    if (!this.#hasEnded) this.#dispatched!.destroy();
  }

  #hold(): void {
    this.#held = [];
    if (!this.#hasEnded) this.#dispatched!.pause();
    this.#timer = this.#clock.schedule(this.#delayMs, () => this.#release());
  }

  /** @param drop what is to be done where it is never handed over. */
  #pass(handOver: () => void, drop?: () => void): void {
    if (this.#held === undefined) return handOver();
    this.#held.push(handOver);
    if (drop !== undefined) this.#drops.push(drop);
  }

  #release(): void {
    const held = this.#held!;
    this.#held = undefined;
    this.#drops = [];
    for (const handOver of held) handOver();
    if (!this.#isPaused && !this.#hasEnded && !this.#inner.isOver) this.#dispatched!.resume();
  }
}
