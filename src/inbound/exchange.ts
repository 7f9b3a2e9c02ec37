/** One client request from its head to the last byte of its response: responded to once, counted once, cleaned up once. */
import { Call, type CallClient } from '../core/call.js';
import { CallError, type CallFailure, type ClientGoneError } from '../core/errors.js';
import type { Chunk, Release, Reply, ReplySink } from '../core/reply.js';
import { combinedValue, type Fields } from '../http/fields.js';
import type { ForwardedReply, UpgradedConnection } from '../outbound/forwarded-reply.js';
import type { Scope } from '../upstream/scope.js';
import type { ExchangeContext, Running } from './exchange-context.js';
import {
  asFailure,
  clientLeft,
  failureInstead,
  malformedBody,
  unwritableHead,
} from './exchange-failure.js';
import { summarize } from './exchange-summary.js';
import { forwardRequestHeaders } from './forward-headers.js';
import { GrpcRefusals, isGrpcRequest } from './grpc-refusals.js';
import { fieldsForClient, forwardReplyHeaders, forwardUpgradeHeaders } from './response-fields.js';
import type { Routed } from './router.js';
import type { InboundStream, StreamHandler } from './stream.js';
import { traceCall } from './traced-call.js';
import { Upload } from './upload-limits.js';

export class Exchange implements ReplySink, StreamHandler, Running, CallClient {
  rosterIndex = -1;
  readonly #stream: InboundStream;
  readonly #context: ExchangeContext;
  readonly #scope: Scope;
  readonly #requestId: string;
  /** Asked for at once: a connection that is closed may not know it any more. */
  readonly #client: string | undefined;
  readonly #call: Call;
  readonly #upload: Upload | undefined;
  /** Undefined for a call that is not gRPC. */
  readonly #grpc: GrpcRefusals | undefined;
  #reply: Reply | undefined;
  /** The last chunk of a response that is complete: a single one leaves together with the head. */
  #lastChunk: Chunk | undefined;
  #hasWrittenBody = false;
  #bytesOut = 0;
  #isOver = false;
  /** The client left, but its call goes on. */
  #gone: ClientGoneError | undefined;

  constructor(stream: InboundStream, { scope, path }: Routed, context: ExchangeContext) {
    this.#stream = stream;
    this.#context = context;
    this.#scope = scope;
    const { method, fields, body, host, peerAddress } = stream;
    this.#client = peerAddress;
    this.#requestId = combinedValue(fields, 'x-request-id') ?? context.createRequestId();
    this.#grpc = isGrpcRequest(stream) ? new GrpcRefusals() : undefined;
    this.#upload =
      body &&
      new Upload(body, context, {
        upstream: scope.upstream,
        replayLimit: scope.replayBytes,
        mayBeSilent: this.#grpc !== undefined,
        onLimit: (error) => this.#call.cancel(error),
      });
    this.#call = new Call({
      method,
      path,
      host: scope.preserveHost ? host : undefined,
      clientHost: host,
      headers: fields,
      outgoing: forwardRequestHeaders(stream, this.#requestId),
      body: this.#upload?.body,
      upgrade: stream.upgrade,
      isGrpc: this.#grpc !== undefined,
      client: this,
      startedAtMs: context.clock.now(),
    });
    if (context.tracer !== undefined) traceCall(context.tracer, this.#call, stream, scope);
  }

  /** Runs the call through its pipeline; never throws. */
  start(): void {
    this.#context.running.add(this);
    this.#scope.enter();
    this.#stream.listen(this);
    const refused = this.#context.refuse?.(this.#call, this.#scope) ?? this.#upload?.refusal();
    if (refused !== undefined) return this.#fail(refused);
    // What came with the head is parsed first: a body that is here as a whole need not be streamed.
    if (this.#upload === undefined) this.#run();
    else queueMicrotask(() => this.#run());
  }

  /** Ends the exchange from outside: its response, if none has begun, says why. */
  cancel(error: CallFailure): void {
    this.#call.cancel(error);
  }

  #run(): void {
    this.#scope.stage.run(this.#call).then(
      (reply) => this.#respond(reply),
      (error: unknown) => this.#fail(asFailure(error, this.#scope.upstream)),
    );
  }

  // From the call.

  sendInformational(status: number, statusText: string, fields: Fields): void {
    const isHeldBack = status === 103 && !this.#scope.earlyHints;
    if (isHeldBack || !this.#stream.canSendInformational) return;
    const forwarded = forwardReplyHeaders(fields, status, '', 0, false);
    this.#stream.sendInformational(status, statusText, forwarded);
  }

  // From the stream.

  onDrain(): void {
    this.#reply?.resume();
  }

  onMalformed(why: string): void {
    this.#call.cancel(malformedBody(this.#scope.upstream, why));
  }

  onClose(): void {
    if (this.#isOver) return;
    const error = clientLeft();
    if (this.#call.outlivesClient && this.#reply === undefined) this.#gone = error;
    else this.#call.cancel(error);
  }

  // From the reply.

  onData(bytes: Buffer, release?: Release): boolean {
    this.#bytesOut += bytes.length;
    if (this.#reply?.isComplete === true) {
      const last = this.#lastChunk;
      if (last !== undefined) this.#stream.write(last.bytes, last.release);
      this.#lastChunk = { bytes, release };
      return true;
    }
    this.#hasWrittenBody = true;
    this.#grpc?.follow(bytes);
    return this.#stream.write(bytes, release);
  }

  onEnd(trailers: Fields): void {
    const { status, headers } = this.#reply!;
    this.#grpc?.end(headers, trailers);
    this.#finish(status, undefined);
    this.#stream.end(this.#lastChunk?.bytes, trailers, this.#lastChunk?.release);
  }

  onError(error: CallFailure): void {
    const trailers = this.#grpc?.breakOff(error);
    this.#finish(this.#reply!.status, error);
    if (trailers === undefined) this.#stream.abort();
    else this.#stream.end(undefined, trailers);
  }

  #respond(reply: ForwardedReply): void {
    const call = this.#call;
    const stream = this.#stream;
    const failure = this.#gone ?? failureInstead(call, reply, stream.isGone);
    if (failure !== undefined) {
      reply.abort(failure);
      // The reply itself ended with its 101.
      reply.upgraded?.destroy();
      call.substitution = undefined;
      return this.#fail(failure);
    }
    this.#reply = reply;
    const { status, statusText, upgraded } = reply;
    if (upgraded !== undefined) return this.#openTunnel(reply, upgraded);
    const fields = fieldsForClient(reply, call, this.#requestId, stream.canSendTrailers);
    // An upstream may leave its status text out on purpose; a substitute has none to leave out.
    const hasNoText = statusText === '' && call.substitution !== undefined;
    if (!this.#sendHead(status, hasNoText ? undefined : statusText, fields)) return;
    reply.attach(this);
    // Nothing of the body came with the head: the head does not wait for the body's first byte.
    if (!this.#isOver && !this.#hasWrittenBody) stream.flushHead();
  }

  #openTunnel(reply: Reply, upstream: UpgradedConnection): void {
    const fields = forwardUpgradeHeaders(reply.headers, this.#requestId);
    this.#describe(fields);
    const client = this.#stream.accept(reply.statusText, fields);
    this.#finish(reply.status, undefined);
    upstream.join(client);
  }

  #fail(failure: CallFailure): void {
    if (this.#isOver) return;
    const error = this.#gone ?? failure;
    if (!(error instanceof CallError)) {
      this.#grpc?.leave();
      this.#finish(error.status, error);
      if (error.status !== 499) this.#stream.refuse(error.status);
      return;
    }
    const nowMs = this.#context.clock.now();
    const refused = { call: this.#call, scope: this.#scope, requestId: this.#requestId, nowMs };
    const { status, headers, body } =
      this.#grpc?.refuse(error, refused) ?? this.#context.problems.render(error, refused);
    this.#bytesOut = body?.length ?? 0;
    this.#finish(status, error);
    this.#sendHead(status, undefined, headers);
    this.#stream.end(body);
  }

  /** @returns false when the response cannot be sent, in which case the exchange is over. */
  #sendHead(status: number, statusText: string | undefined, fields: string[]): boolean {
    this.#describe(fields);
    try {
      this.#stream.sendHead(status, statusText, fields, this.#context.isDraining());
      return true;
    } catch (cause) {
      const error = unwritableHead(this.#scope.upstream, cause as Error);
      this.#reply?.abort(error);
      this.#reply = undefined;
      this.#call.substitution = undefined;
      this.#fail(error);
      return false;
    }
  }

  /** Adds what the policies tell the client. */
  #describe(fields: string[]): void {
    for (const describe of this.#scope.responseFields) fields.push(...describe(this.#call));
  }

  /** Once only. */
  #finish(status: number, error: CallFailure | undefined): void {
    this.#isOver = true;
    const { running, clock } = this.#context;
    running.delete(this);
    this.#scope.leave();
    this.#upload?.close();
    const side = {
      requestId: this.#requestId,
      client: this.#client,
      bytesIn: this.#upload?.receivedBytes ?? 0,
      bytesOut: this.#bytesOut,
      grpcCode: this.#grpc?.code,
    };
    const summary = summarize(this.#call, side, status, error, clock.now());
    this.#scope.emit({ type: 'exchange-finished', summary });
    this.#call.span?.end(summary);
  }
}
