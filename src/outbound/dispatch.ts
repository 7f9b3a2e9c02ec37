/** One attempt of a call over a connection: the innermost stage. The response is a Reply, not a stream. */
import type { Duplex } from 'node:stream';
import type { Attempt } from '../core/attempt.js';
import type { Clock } from '../core/clock.js';
import type { CallFailure } from '../core/errors.js';
import type { Emit } from '../core/events.js';
import { attemptResult, classifyFailure, classifyStatus, type Outcome } from '../core/outcome.js';
import type { AttemptStage, EditRequest } from '../core/pipeline.js';
import { isOpenEnded, type Reply } from '../core/reply.js';
import type { BodyCursor } from '../core/request-body.js';
import { FieldEdits } from '../http/field-edits.js';
import type { Fields } from '../http/fields.js';
import { forwardTrailers } from '../http/trailers.js';
import type { Dispatched, HttpClient, Progress, ResponseHandler, ResponseHead } from './client.js';
import { describeFailure } from './failure.js';
import { StreamedReply } from './streamed-reply.js';

/** Where one attempt goes. */
export interface Destination {
  readonly client: HttpClient;
  /** The Host that is sent, unless the client's is (RFC 9110, section 7.2). */
  readonly authority: string;
}

/** The upstream's side of an upgraded connection. */
export interface UpgradedConnection {
  /** Connects the client's side to it. */
  join(client: Duplex): void;
  /** Ends it instead. */
  destroy(): void;
}

export interface ForwardedReply extends Reply {
  /** Only with status 101. */
  readonly upgraded?: UpgradedConnection | undefined;
}

/** An upstream that uses up a deadline of this length, in ms, may be the reason that the deadline was missed. */
const TELLING_MS = 100;

/** Both what a connection reports to and the pipeline's Reply: a response costs one allocation, not two. */
class Dispatch extends StreamedReply implements ResponseHandler, ForwardedReply {
  upgraded: UpgradedConnection | undefined;
  readonly #options: DispatchOptions;
  readonly #resolve: (reply: Reply) => void;
  readonly #reject: (error: CallFailure) => void;
  readonly #startedMs: number;
  #client: HttpClient | undefined;
  #body: BodyCursor | undefined;

  constructor(
    attempt: Attempt,
    options: DispatchOptions,
    resolve: (reply: Reply) => void,
    reject: (error: CallFailure) => void,
  ) {
    super(attempt);
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#startedMs = options.clock.now();
  }

  start(): void {
    const { attempt } = this;
    const { call } = attempt;
    const { client, authority } = this.#options.choose(attempt);
    this.#client = client;
    attempt.onCancel((error) => this.abort(error));
    attempt.enter('connecting');
    this.#body = call.body?.open();
    client.dispatch(
      {
        method: call.method,
        path: this.#options.basePath + call.path,
        authority: call.host ?? authority,
        fields: this.#fields(),
        body: this.#body,
        upgrade: call.upgrade,
        avoid: call.usedAddresses,
      },
      this,
    );
  }

  #fields(): Fields {
    const { call, number } = this.attempt;
    const edits = new FieldEdits(call.outgoing);
    edits.add('X-Attempt-Count', String(number));
    for (const edit of this.#options.edits) edit(edits, this.attempt);
    return edits.fields;
  }

  // From the client.

  onStart(dispatched: Dispatched): void {
    this.dispatched = dispatched;
    const { call } = this.attempt;
    call.usedAddresses = [...call.usedAddresses, dispatched.address];
    const isWhole = this.#body === undefined || this.#body.hasEnded;
    this.attempt.enter(isWhole ? 'waiting' : 'sending');
  }

  onStall(isStalled: boolean): void {
    if (!this.hasHeaders) this.attempt.stall(isStalled);
  }

  onSent(): void {
    if (!this.hasHeaders && !this.isOver) this.attempt.enter('waiting');
  }

  onInformational({ status, statusText, headers }: ResponseHead): void {
    this.attempt.call.client?.sendInformational(status, statusText, headers);
  }

  onHead(head: ResponseHead): void {
    this.take(head);
    this.#report(classifyStatus(head.status));
    this.attempt.enter(isOpenEnded(this) ? 'streaming-events' : 'streaming');
    this.#resolve(this);
  }

  onUpgrade(head: ResponseHead, socket: Duplex): void {
    this.take(head);
    this.upgraded = {
      join: (client) => this.#options.openTunnel(client, socket),
      destroy: () => socket.destroy(),
    };
    // The exchange ends here: what follows belongs to the tunnel.
    this.finish(undefined);
    this.#resolve(this);
  }

  onEnd(trailers: Fields): void {
    this.finish(undefined, forwardTrailers(trailers));
  }

  onFailure(error: Error, progress: Progress): void {
    if (this.isOver) return;
    const { upstream, target } = this.#options;
    const { hasHeaders } = this;
    this.abort(describeFailure(error, { upstream, target, progress, hasHeaders }));
  }

  // From the reply.

  protected override onNoResponse(error: CallFailure): void {
    this.#reject(error);
  }

  protected override onFinish(error: CallFailure | undefined): void {
    this.#body?.close();
    this.attempt.enter('ended');
    const outcome = this.#outcome(error);
    if (outcome.kind !== 'status') this.#report(outcome);
    const result = attemptResult(outcome);
    const { call } = this.attempt;
    call.results.push(result);
    call.upstreamMs += this.#options.clock.now() - this.#startedMs;
    this.#options.emit({ type: 'attempt-finished', result, error });
  }

  #outcome(error: CallFailure | undefined): Outcome {
    // A refusal of the request is the upstream's word, also where its connection breaks afterwards.
    const isRefusal = this.status >= 400 && this.status < 500;
    if (error === undefined || isRefusal) return classifyStatus(this.status);
    return classifyFailure(error);
  }

  /** Tells the client how its address has done. */
  #report(outcome: Outcome): void {
    const address = this.dispatched?.address;
    if (address === undefined) return;
    const isGood = judge(outcome, this.#options.clock.now() - this.#startedMs);
    if (isGood !== undefined) this.#client?.report(address, isGood);
  }
}

/** Gateway failures and overload: the process behind this address cannot do its work, whatever the request is. */
const unavailable = new Set([502, 503, 504]);

/** How one address of an upstream has done; undefined where the outcome says nothing about it. */
function judge(outcome: Outcome, ranMs: number): boolean | undefined {
  switch (outcome.kind) {
    case 'status':
      return !unavailable.has(outcome.status);
    case 'unsent':
    case 'reset':
    case 'timeout':
      return false;
    case 'deadline':
      return ranMs >= TELLING_MS ? false : undefined;
    case 'stale':
    case 'cancelled':
    case 'refused':
      return undefined;
  }
}

export interface DispatchOptions {
  readonly upstream: string;
  /** For messages. */
  readonly target: string;
  /** Put in front of the call's path: empty, or without a slash at its end. */
  readonly basePath: string;
  /** What policies write on each attempt's request. */
  readonly edits: readonly EditRequest[];
  /** Where the attempt goes. */
  choose(attempt: Attempt): Destination;
  /** Takes over both sides of an upgraded connection. */
  openTunnel(client: Duplex, upstream: Duplex): void;
  readonly clock: Clock;
  readonly emit: Emit;
}

/** The innermost stage. */
export function createDispatch(options: DispatchOptions): AttemptStage {
  return {
    run: (attempt) =>
      new Promise((resolve, reject) => {
        new Dispatch(attempt, options, resolve, reject).start();
      }),
    refusal: () => undefined,
  };
}
