/** One attempt of a call over a connection: the innermost stage. The response is a Reply, not a stream. */
import type { Duplex } from 'node:stream';
import { grpc } from '../classify/grpc.js';
import { http } from '../classify/http.js';
import type { Attempt } from '../core/attempt.js';
import type { CallFailure } from '../core/errors.js';
import { tellsOfUpstream } from '../core/judge.js';
import { attemptResult, classifyFailure, type Classifier } from '../core/outcome.js';
import type { AttemptStage } from '../core/pipeline.js';
import { isOpenEnded, type Reply } from '../core/reply.js';
import type { BodyCursor } from '../core/request-body.js';
import type { AttemptSpan } from '../core/span.js';
import { FieldEdits } from '../http/field-edits.js';
import type { Fields } from '../http/fields.js';
import { forwardTrailers } from '../http/trailers.js';
import {
  NOT_CONNECTED,
  type Dispatched,
  type Progress,
  type ResponseHandler,
  type ResponseHead,
} from './client.js';
import { joinPath, type Destination } from './destination.js';
import type { DispatchOptions } from './dispatch-options.js';
import { describeFailure } from './failure.js';
import type { ForwardedReply, UpgradedConnection } from './forwarded-reply.js';
import { GrpcResponses } from './grpc-responses.js';
import { intervene } from './intervene.js';
import { StreamedReply } from './streamed-reply.js';

/** Both what a connection reports to and the pipeline's Reply: a response costs one allocation, not two. */
class Dispatch extends StreamedReply implements ResponseHandler, ForwardedReply {
  upgraded: UpgradedConnection | undefined;
  readonly #options: DispatchOptions;
  readonly #resolve: (reply: Reply) => void;
  readonly #reject: (error: CallFailure) => void;
  readonly #startedMs: number;
  readonly #classifier: Classifier;
  /** Undefined where the call is not recorded. */
  readonly #span: AttemptSpan | undefined;
  /** When the headers of the response came. */
  #headAtMs = NaN;
  #destination: Destination | undefined;
  /** Ends the wait for an address. */
  #stopWaiting: (() => void) | undefined;
  #isJudged = false;
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
    const { isGrpc, path, span } = attempt.call;
    this.#classifier = isGrpc ? grpc : http;
    this.#span = span?.beginAttempt({
      upstream: options.upstream,
      path,
      isBeside: attempt.isBeside,
      startedAtMs: this.#startedMs,
    });
  }

  start(): void {
    const { attempt } = this;
    attempt.onCancel((error) => this.abort(error));
    attempt.enter('connecting');
    this.#body = attempt.call.body?.open();
    const destination = this.#options.destinations.choose(attempt, this.#startedMs);
    if (destination === undefined) this.#wait();
    else this.#send(destination);
  }

  #wait(): void {
    const { destinations, clock } = this.#options;
    this.#stopWaiting = destinations.wait((error) => {
      this.#stopWaiting = undefined;
      if (error !== undefined) return this.onFailure(error, NOT_CONNECTED);
      const destination = destinations.choose(this.attempt, clock.now());
      // It may have become known and been drained in the same moment.
      if (destination === undefined) this.abort(destinations.refusal()!);
      else this.#send(destination);
    });
  }

  #send(destination: Destination): void {
    const { call, intervention } = this.attempt;
    const { target, address } = destination;
    const path = joinPath(this.#options.basePath, call.path);
    const authority = call.host ?? destination.authority;
    this.#destination = destination;
    this.#span?.sendTo({ target, address, authority, path });
    destination.begin();
    const client =
      intervention === undefined
        ? destination.client
        : intervene(destination.client, intervention, this.#options.clock);
    client.dispatch(
      {
        method: call.method,
        path,
        authority,
        fields: this.#fields(),
        body: this.#body,
        upgrade: call.upgrade,
      },
      call.isGrpc ? new GrpcResponses(this) : this,
    );
  }

  #fields(): Fields {
    const { call, number } = this.attempt;
    const edits = new FieldEdits(call.outgoing);
    edits.add('X-Attempt-Count', String(number));
    for (const edit of this.#options.edits) edit(edits, this.attempt);
    this.#span?.propagate(edits);
    return edits.fields;
  }

  // From the client.

  onStart(dispatched: Dispatched): void {
    this.dispatched = dispatched;
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
    if (this.attempt.isBeside) return;
    this.attempt.call.client?.sendInformational(status, statusText, headers);
  }

  onHead(head: ResponseHead): void {
    this.take(head);
    this.outcome = this.#classifier.atHead(head);
    const isStream = isOpenEnded(this);
    // A stream has done its part with its head; of other responses the body counts too.
    if (isStream || head.status >= 400) this.#judge(this.#headAtMs);
    this.attempt.enter(isStream ? 'streaming-events' : 'streaming');
    this.#resolve(this);
  }

  onUpgrade(head: ResponseHead, socket: Duplex): void {
    this.take(head);
    this.outcome = this.#classifier.atHead(head);
    this.upgraded = {
      join: (client) => this.#options.openTunnel(client, socket),
      destroy: () => socket.destroy(),
    };
    // The exchange ends here: what follows belongs to the tunnel.
    this.finish(undefined);
    this.#resolve(this);
  }

  onEnd(trailers: Fields): void {
    this.outcome ??= this.#classifier.atEnd(trailers);
    this.finish(undefined, forwardTrailers(trailers));
  }

  onFailure(error: Error, progress: Progress): void {
    if (this.isOver) return;
    const { upstream, destinations } = this.#options;
    const { target } = this.#destination ?? destinations;
    const { hasHeaders } = this;
    this.abort(describeFailure(error, { upstream, target, progress, hasHeaders }));
  }

  // From the reply.

  protected override take(head: ResponseHead): void {
    super.take(head);
    this.#headAtMs = this.#options.clock.now();
    this.attempt.call.upstreamStatus = head.status;
  }

  protected override onNoResponse(error: CallFailure): void {
    this.#reject(error);
  }

  protected override onFinish(error: CallFailure | undefined): void {
    this.#stopWaiting?.();
    const awaitsClient = this.#awaitsClient;
    this.#body?.close();
    this.attempt.enter('ended');
    if (error !== undefined) this.outcome = this.#atFailure(error);
    // Not read to its end, so it says nothing.
    this.outcome ??= { kind: 'cancelled' };
    const { clock, judge, emit } = this.#options;
    const nowMs = clock.now();
    this.#judge(nowMs);
    this.#destination?.end();
    const { outcome, status, dispatched } = this;
    this.#span?.end({ status, outcome, error, protocol: dispatched?.protocolVersion, atMs: nowMs });
    const result = attemptResult(outcome);
    const { call } = this.attempt;
    call.results.push(result);
    const ranMs = nowMs - this.#startedMs;
    call.upstreamMs += ranMs;
    const headersMs = this.hasHeaders ? this.#headAtMs - this.#startedMs : ranMs;
    const isUpstreams =
      error !== undefined && tellsOfUpstream(error, judge, { ranMs, awaitsClient });
    emit({ type: 'attempt-finished', result, error, isUpstreams, headersMs, trace: call.trace });
  }

  get #awaitsClient(): boolean {
    const { isStalled, isPaused } = this.attempt;
    if (this.hasHeaders) return isPaused;
    return this.dispatched !== undefined && !isStalled && this.#body?.hasEnded === false;
  }

  #atFailure(error: CallFailure) {
    return this.hasHeaders ? this.#classifier.atBreak(this, error) : classifyFailure(error);
  }

  /** Tells the destination how it has done, as soon as that is known; only the first time. */
  #judge(nowMs: number): void {
    const { outcome } = this;
    if (outcome === undefined || this.#isJudged || this.#destination === undefined) return;
    this.#isJudged = true;
    const isFailure = this.#options.judge(outcome, nowMs - this.#startedMs);
    if (isFailure !== undefined) this.#destination.report(isFailure, this.#startedMs);
    if (isFailure === true && outcome.kind === 'unsent') this.#destination.onUnreachable();
  }
}

/** The innermost stage. */
export function createDispatch(options: DispatchOptions): AttemptStage {
  return {
    run: (attempt) =>
      new Promise((resolve, reject) => {
        new Dispatch(attempt, options, resolve, reject).start();
      }),
    refusal: () => options.destinations.refusal(),
  };
}
