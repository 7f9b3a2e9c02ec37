/** One client request from its head to the last byte of its answer: answered once, counted once, cleaned up once. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import { CallError, ClientGoneError, type CallFailure } from '../core/errors.js';
import { fieldLines, fieldPairs, hasField, type Fields } from '../http/fields.js';
import type { Reply, ReplySink } from '../core/reply.js';
import type { Member, Roster } from '../lib/roster.js';
import { Call, type CallClient } from '../core/call.js';
import { forwardRequestHeaders, singleValue } from './forward-headers.js';
import { forwardReplyHeaders, forwardUpgradeHeaders, labelSubstitute } from './response-fields.js';
import type { UpgradeRequest } from './http1/upgrade.js';
import { endWith } from './http1/one-write.js';
import { renderProblem } from './problem.js';
import type { ForwardedReply, UpgradedConnection } from '../outbound/dispatch.js';
import { Upload, type UploadLimits } from './upload-limits.js';
import type { Scope } from '../upstream/scope.js';

/** What all exchanges share. */
export interface ExchangeContext extends UploadLimits {
  readonly createRequestId: () => string;
  /** Whether a new call to `upstream` is refused because the process is overloaded; undefined while nobody watches. */
  readonly refuse: ((upstream: string) => CallError | undefined) | undefined;
  /** While draining, connections are told to close. */
  isDraining(): boolean;
  /** The exchanges that run now, for whoever must end them. */
  readonly running: Roster<Exchange>;
}

/** Where a call goes and how its path reads there. */
export interface Destination {
  readonly scope: Scope;
  readonly path: string;
}

export class Exchange implements ReplySink, Member, CallClient {
  rosterIndex = -1;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #context: ExchangeContext;
  readonly #scope: Scope;
  readonly #requestId: string;
  readonly #call: Call;
  readonly #upgrade: UpgradeRequest | undefined;
  readonly #upload: Upload | undefined;
  #reply: Reply | undefined;
  /** The only chunk of an answer that is complete: it leaves together with the head. */
  #lastChunk: Buffer | undefined;
  #hasWrittenBody = false;
  #isOver = false;
  /** The client left, but its call goes on. */
  #gone: ClientGoneError | undefined;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    destination: Destination,
    context: ExchangeContext,
    upgrade?: UpgradeRequest,
  ) {
    this.#request = request;
    this.#response = response;
    this.#context = context;
    this.#scope = destination.scope;
    this.#upgrade = upgrade;
    const { scope } = destination;
    this.#requestId = singleValue(request.headers['x-request-id']) || context.createRequestId();
    this.#upload = Upload.of(request, context, {
      upstream: scope.upstream,
      replayLimit: scope.replayBytes,
      sendContinue: () => response.writeContinue(),
      onLimit: (error) => this.#call.cancel(error),
    });
    this.#call = new Call({
      method: request.method!,
      path: destination.path,
      host: scope.preserveHost ? request.headers.host : undefined,
      headers: request.rawHeaders,
      outgoing: forwardRequestHeaders(request, { requestId: this.#requestId, isSecure: false }),
      body: this.#upload?.body,
      upgrade: upgrade?.protocol,
      client: this,
      startedAtMs: context.clock.now(),
    });
  }

  /** Runs the call through its pipeline; never throws. */
  start(): void {
    this.#context.running.add(this);
    this.#scope.enter();
    // Never taken off: that would cost more than the call that finds it over.
    this.#response.on('close', () => this.#onClose());
    const refused = this.#context.refuse?.(this.#scope.upstream) ?? this.#upload?.refusal();
    if (refused !== undefined) return this.#answerFailure(refused);
    // What came with the head is parsed first: a body that is here as a whole need not be streamed.
    if (this.#upload === undefined) this.#run();
    else queueMicrotask(() => this.#run());
  }

  #run(): void {
    this.#scope.stage.run(this.#call).then(
      (reply) => this.#answer(reply),
      (error: unknown) => this.#answerFailure(asFailure(error, this.#scope.upstream)),
    );
  }

  /** Ends the exchange from outside: its answer, if none has begun, says why. */
  cancel(error: CallFailure): void {
    this.#call.cancel(error);
  }

  sendInformational(status: number, statusText: string, headers: Fields): void {
    const { socket } = this.#response;
    // HTTP/1.0 knows no 1xx; behind a pipelined answer it would end up inside that one.
    if (this.#request.httpVersionMinor === 0 || socket === null || this.#response.headersSent) {
      return;
    }
    // It can do without, and the upstream could go on for ever: nothing tells it to wait.
    if (socket.writableNeedDrain) return;
    const fields = forwardReplyHeaders(headers, status, '', 0, false);
    const statusLine = `HTTP/1.1 ${status} ${statusText || (STATUS_CODES[status] ?? '')}\r\n`;
    socket.write(`${statusLine}${fieldLines(fields)}\r\n`, 'latin1');
  }

  // From the reply.

  onData(chunk: Buffer): boolean {
    if (this.#reply?.isComplete === true) {
      if (this.#lastChunk !== undefined) this.#response.write(this.#lastChunk);
      this.#lastChunk = chunk;
      return true;
    }
    this.#hasWrittenBody = true;
    const wantsMore = this.#response.write(chunk);
    if (!wantsMore) this.#response.once('drain', () => this.#reply?.resume());
    return wantsMore;
  }

  onEnd(trailers: Fields): void {
    const response = this.#response;
    this.#finish(response.statusCode, undefined);
    if (trailers.length > 0) response.addTrailers(fieldPairs(trailers));
    if (this.#lastChunk === undefined) response.end();
    else endWith(response, this.#lastChunk);
  }

  onError(error: CallFailure): void {
    // Cut, so that the client cannot take the part for the whole.
    const { socket } = this.#response;
    this.#finish(this.#response.statusCode, error);
    const isCloseDelimited =
      !this.#response.chunkedEncoding && !hasField(this.#reply?.headers ?? [], 'content-length');
    if (isCloseDelimited) socket?.resetAndDestroy();
    else socket?.destroy();
  }

  #answer(reply: ForwardedReply): void {
    const call = this.#call;
    const failure = this.#findFailure(reply);
    if (failure !== undefined) {
      reply.abort(failure);
      // It is over for the reply since its 101.
      reply.upgraded?.destroy();
      call.substitution = undefined;
      return this.#answerFailure(failure);
    }
    this.#reply = reply;
    if (reply.upgraded !== undefined) return this.#openTunnel(reply, reply.upgraded);
    const fields = forwardReplyHeaders(
      reply.headers,
      reply.status,
      this.#requestId,
      call.attempts + call.attemptsElsewhere,
      this.#request.httpVersionMinor > 0,
    );
    const { substitution } = call;
    const isSent =
      substitution === undefined
        ? this.#sendHead(reply.status, reply.statusText, fields)
        : this.#sendHead(
            reply.status,
            reply.statusText || (STATUS_CODES[reply.status] ?? ''),
            labelSubstitute(fields, substitution),
          );
    if (!isSent) return;
    reply.attach(this);
    // Nothing came with the head: it does not wait for the body's first byte.
    if (!this.#isOver && !this.#hasWrittenBody) this.#response.write(EMPTY);
  }

  /** Why the answer cannot be given although it is here. */
  #findFailure(reply: Reply): CallFailure | undefined {
    if (this.#gone !== undefined) return this.#gone;
    const { cancelled, substitution } = this.#call;
    // The client's own doing, or none.
    if (cancelled === undefined || cancelled.status < 500) return cancelled;
    // A substitute that is at hand is given although the deadline, which may have called for it, is over.
    if (substitution === undefined || !reply.isComplete) return cancelled;
    // The call was over already: nobody has heard of the client's leave.
    return this.#response.destroyed ? clientLeft() : undefined;
  }

  #openTunnel(reply: Reply, upstream: UpgradedConnection): void {
    const client = this.#upgrade!.accept(
      reply.statusText,
      forwardUpgradeHeaders(reply.headers, this.#requestId),
    );
    this.#finish(reply.status, undefined);
    upstream.join(client);
  }

  #answerFailure(failure: CallFailure): void {
    if (this.#isOver) return;
    const error = this.#gone ?? failure;
    if (error instanceof ClientGoneError) {
      this.#finish(error.status, error);
      if (error.status === 408) this.#sendBare(408);
      return;
    }
    const { attempts, wasSent, sentFailureFields } = this.#call;
    const { upstream, ownRetryAfterMs } = this.#scope;
    const problem = renderProblem(error, upstream, attempts, ownRetryAfterMs);
    const fields = [...problem.headers, 'X-Request-Id', this.#requestId];
    const isGatewayFailure = problem.status === 502 || problem.status === 504;
    if (isGatewayFailure && wasSent) fields.push(...sentFailureFields);
    if (attempts > 1) fields.push('X-Breakwater-Attempts', String(attempts));
    this.#finish(problem.status, error);
    this.#sendHead(problem.status, problem.statusText, fields);
    if (this.#request.method === 'HEAD') this.#response.end();
    else endWith(this.#response, problem.body);
  }

  /** @returns false when the answer cannot be sent, in which case the exchange is over. */
  #sendHead(status: number, statusText: string, fields: string[]): boolean {
    const response = this.#response;
    const spoilsConnection = this.#upload?.spoilsConnection === true;
    if (spoilsConnection) this.#upload?.linger();
    if (spoilsConnection || this.#context.isDraining()) {
      response.shouldKeepAlive = false;
      fields.push('Connection', 'close');
    }
    try {
      response.writeHead(status, statusText, fields as unknown as string[][] as never);
      return true;
    } catch (cause) {
      const error = new CallError(
        'upstream-protocol-error',
        `Cannot pass on the answer of ${this.#scope.upstream} because its head cannot be written: ${(cause as Error).message}`,
      );
      this.#reply?.abort(error);
      this.#reply = undefined;
      this.#call.substitution = undefined;
      this.#answerFailure(error);
      return false;
    }
  }

  #sendBare(status: number): void {
    if (this.#response.headersSent || this.#response.destroyed) return;
    this.#response.writeHead(status, { Connection: 'close', 'Content-Length': '0' });
    this.#response.end();
  }

  #onClose(): void {
    if (this.#isOver) return;
    const error = clientLeft();
    if (this.#call.outlivesClient && this.#reply === undefined) this.#gone = error;
    else this.#call.cancel(error);
  }

  #finish(status: number, error: CallFailure | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#context.running.delete(this);
    this.#scope.leave();
    this.#upload?.close();
    const call = this.#call;
    const { path, substitution } = call;
    const query = path.indexOf('?');
    const nowMs = this.#context.clock.now();
    this.#scope.emit({
      type: 'exchange-finished',
      summary: {
        method: call.method,
        path: query === -1 ? path : path.slice(0, query),
        status: error instanceof ClientGoneError ? error.status : status,
        reason: error instanceof CallError ? error.reason : (substitution?.reason ?? ''),
        durationMs: nowMs - call.startedAtMs,
        waitedMs: call.waitedMs,
        upstreamMs: call.upstreamMs,
        deadlineLeftMs: call.deadline && call.deadline.atMs - nowMs,
        attempts: call.attempts,
        results: call.results,
        requestId: this.#requestId,
        substitution,
        traceId: singleValue(this.#request.headers['traceparent'])?.slice(3, 35),
        error,
      },
    });
  }
}

const EMPTY = Buffer.alloc(0);

const clientLeft = () =>
  new ClientGoneError(499, 'Cannot answer because the client closed its connection');

/** A defect of ours must not leave a client without an answer. */
function asFailure(error: unknown, upstream: string): CallFailure {
  if (error instanceof CallError || error instanceof ClientGoneError) return error;
  return new CallError(
    'upstream-protocol-error',
    `Cannot complete the call to ${upstream} because of an unexpected error: ${String(error)}`,
    { cause: error },
  );
}
