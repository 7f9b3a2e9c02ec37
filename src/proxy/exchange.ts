/** One client request from its head to the last byte of its answer: answered once, counted once, cleaned up once. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import { Call } from '../core/call.js';
import type { Clock, Timer } from '../core/clock.js';
import { CallError, ClientGoneError, type CallFailure } from '../core/errors.js';
import type { RawHeaders, Reply, ReplySink } from '../core/reply.js';
import {
  forwardReplyHeaders,
  forwardRequestHeaders,
  type DeadlineHeader,
  type OutgoingHeaders,
} from './headers.js';
import { renderProblem } from './problem.js';
import { ReplayableBody } from './replayable-body.js';
import type { ForwardedCall } from './transport.js';
import type { Scope } from './upstream.js';

/** What all exchanges share. */
export interface ExchangeContext {
  readonly clock: Clock;
  readonly createRequestId: () => string;
  /** Longest silence of a request body, in ms. */
  readonly bodyIdleMs: number;
  /** Longest request body, in bytes. */
  readonly maxRequestBody: number | 'off';
  /** While draining, connections are told to close. */
  isDraining(): boolean;
  /** The exchanges that run now, for whoever must end them. */
  readonly running: Set<Exchange>;
}

/** Where a call goes and how its path reads there. */
export interface Destination {
  readonly scope: Scope;
  readonly path: string;
}

class ClientCall extends Call implements ForwardedCall {
  declare readonly body: ReplayableBody | undefined;
  readonly outgoing: OutgoingHeaders;
  readonly #exchange: Exchange;

  constructor(
    exchange: Exchange,
    request: IncomingMessage,
    init: {
      path: string;
      body: ReplayableBody | undefined;
      outgoing: OutgoingHeaders;
      deadline: DeadlineHeader | undefined;
      idempotencyHeader: string;
      startedAtMs: number;
    },
  ) {
    const { headers } = request;
    super({
      method: request.method!,
      path: init.path,
      headers: request.rawHeaders,
      body: init.body,
      deadlineHeader: init.deadline && singleValue(headers[init.deadline.lowerName]),
      hasIdempotencyKey: headers[init.idempotencyHeader] !== undefined,
      startedAtMs: init.startedAtMs,
    });
    this.outgoing = init.outgoing;
    this.#exchange = exchange;
  }

  onInformational(status: number, statusText: string, headers: RawHeaders): void {
    this.#exchange.sendInformational(status, statusText, headers);
  }
}

const singleValue = (value: string | string[] | undefined) =>
  Array.isArray(value) ? value[0] : value;

function hasBody(request: IncomingMessage): boolean {
  const { headers } = request;
  if (headers['transfer-encoding'] !== undefined) return true;
  const length = headers['content-length'];
  return length !== undefined && length !== '0';
}

export class Exchange implements ReplySink {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #context: ExchangeContext;
  readonly #scope: Scope;
  readonly #requestId: string;
  readonly #call: ClientCall;
  readonly #body: ReplayableBody | undefined;
  #bodyTimer: Timer | undefined;
  #bodyBytes = 0;
  #lastBodyMs = 0;
  #reply: Reply | undefined;
  /** The only chunk of an answer that is complete: it leaves together with the head. */
  #lastChunk: Buffer | undefined;
  #hasWrittenBody = false;
  #hasSentContinue = false;
  #isOver = false;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    destination: Destination,
    context: ExchangeContext,
  ) {
    this.#request = request;
    this.#response = response;
    this.#context = context;
    this.#scope = destination.scope;
    const { scope } = destination;
    this.#requestId = singleValue(request.headers['x-request-id']) || context.createRequestId();
    this.#body = hasBody(request) ? this.#openBody(scope) : undefined;
    this.#call = new ClientCall(this, request, {
      path: destination.path,
      body: this.#body,
      outgoing: forwardRequestHeaders(request, {
        host: scope.preserveHost ? request.headers.host : undefined,
        requestId: this.#requestId,
        deadline: scope.deadlineHeader,
        isSecure: false,
      }),
      deadline: scope.deadlineHeader,
      idempotencyHeader: scope.idempotencyHeader,
      startedAtMs: context.clock.now(),
    });
  }

  /** Runs the call through its pipeline; never throws. */
  start(): void {
    this.#context.running.add(this);
    this.#response.on('close', this.#onClose);
    const tooLarge = this.#findTooLarge(Number(this.#request.headers['content-length'] ?? 0));
    if (tooLarge !== undefined) return this.#answerFailure(tooLarge);
    this.#scope.stage.run(this.#call).then(
      (reply) => this.#answer(reply),
      (error: unknown) => this.#answerFailure(asFailure(error, this.#scope.upstream)),
    );
  }

  /** Ends the exchange from outside: its answer, if none has begun, says why. */
  cancel(error: CallFailure): void {
    this.#call.cancel(error);
  }

  sendInformational(status: number, statusText: string, headers: RawHeaders): void {
    const { socket } = this.#response;
    // HTTP/1.0 knows no 1xx; behind a pipelined answer it would end up inside that one.
    if (this.#request.httpVersionMinor === 0 || socket === null || this.#response.headersSent) {
      return;
    }
    const fields = forwardReplyHeaders(headers, status, '', 0, false);
    let head = `HTTP/1.1 ${status} ${statusText || (STATUS_CODES[status] ?? '')}\r\n`;
    for (let i = 0; i < fields.length; i += 2) head += `${fields[i]}: ${fields[i + 1]}\r\n`;
    socket.write(`${head}\r\n`, 'latin1');
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
    if (!wantsMore) this.#response.once('drain', this.#onDrain);
    return wantsMore;
  }

  onEnd(trailers: RawHeaders): void {
    const response = this.#response;
    this.#finish(response.statusCode, undefined);
    if (trailers.length > 0) response.addTrailers(pairs(trailers));
    if (this.#lastChunk === undefined) response.end();
    else response.end(this.#lastChunk);
  }

  onError(error: CallFailure): void {
    // Cut, so that the client cannot take the part for the whole.
    const { socket } = this.#response;
    this.#finish(this.#response.statusCode, error);
    const isCloseDelimited =
      !this.#response.chunkedEncoding && !this.#response.hasHeader('content-length');
    if (isCloseDelimited) socket?.resetAndDestroy();
    else socket?.destroy();
  }

  #answer(reply: Reply): void {
    const { cancelled } = this.#call;
    if (cancelled !== undefined) {
      reply.abort(cancelled);
      return this.#answerFailure(cancelled);
    }
    this.#reply = reply;
    const fields = forwardReplyHeaders(
      reply.headers,
      reply.status,
      this.#requestId,
      this.#call.attempts,
      this.#request.httpVersionMinor > 0,
    );
    if (!this.#sendHead(reply.status, reply.statusText, fields)) return;
    reply.attach(this);
    // Nothing came with the head: it does not wait for the body's first byte.
    if (!this.#isOver && !this.#hasWrittenBody) this.#response.write(EMPTY);
  }

  #answerFailure(error: CallFailure): void {
    if (this.#isOver) return;
    if (error instanceof ClientGoneError) {
      this.#finish(error.status, error);
      if (error.status === 408) this.#sendBare(408);
      return;
    }
    const { attempts } = this.#call;
    const problem = renderProblem(error, this.#scope.upstream, attempts);
    const fields = [...problem.headers, 'X-Request-Id', this.#requestId];
    if (attempts > 1) fields.push('X-Breakwater-Attempts', String(attempts));
    this.#finish(problem.status, error);
    this.#sendHead(problem.status, problem.statusText, fields);
    this.#response.end(this.#request.method === 'HEAD' ? undefined : problem.body);
  }

  /** @returns false when the answer cannot be sent, in which case the exchange is over. */
  #sendHead(status: number, statusText: string, fields: string[]): boolean {
    const response = this.#response;
    if (this.#closesAfterwards()) {
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
      this.#answerFailure(error);
      return false;
    }
  }

  #sendBare(status: number): void {
    if (this.#response.headersSent || this.#response.destroyed) return;
    this.#response.writeHead(status, { Connection: 'close', 'Content-Length': '0' });
    this.#response.end();
  }

  /** The rest of a long upload is not worth reading for the sake of the connection. */
  #closesAfterwards(): boolean {
    if (this.#context.isDraining()) return true;
    if (this.#body === undefined || this.#request.complete) return false;
    const { headers } = this.#request;
    // Without its 100 the client may send the body or not: what follows cannot be told from the next request.
    if (headers.expect !== undefined && !this.#hasSentContinue) return true;
    return !(Number(headers['content-length']) <= DRAINABLE_BYTES);
  }

  #openBody(scope: Scope): ReplayableBody {
    const expectsContinue = this.#request.headers.expect !== undefined;
    return new ReplayableBody(this.#request, {
      replayLimit: scope.bodyLimit,
      onDemand: () => {
        if (expectsContinue) this.#response.writeContinue();
        this.#hasSentContinue = true;
        this.#lastBodyMs = this.#context.clock.now();
        this.#armBodyTimer(this.#context.bodyIdleMs);
      },
      onReceived: (bytes) => {
        this.#lastBodyMs = this.#context.clock.now();
        this.#bodyBytes += bytes;
        const tooLarge = this.#findTooLarge(this.#bodyBytes);
        if (tooLarge !== undefined) this.#call.cancel(tooLarge);
      },
    });
  }

  #findTooLarge(bytes: number): CallError | undefined {
    const { maxRequestBody } = this.#context;
    if (maxRequestBody === 'off' || bytes <= maxRequestBody) return undefined;
    return new CallError(
      'request-too-large',
      `Cannot forward the request to ${this.#scope.upstream} because its body is longer than limits.maxRequestBody, ${maxRequestBody} bytes`,
    );
  }

  #armBodyTimer(delayMs: number): void {
    this.#bodyTimer = this.#context.clock.schedule(delayMs, this.#onBodyTimer);
  }

  readonly #onBodyTimer = (): void => {
    const body = this.#body;
    if (body === undefined || body.hasEnded || this.#isOver) return;
    const { clock, bodyIdleMs } = this.#context;
    // A body that we hold back ourselves is not silent.
    if (!body.isAwaited) this.#lastBodyMs = clock.now();
    const restMs = this.#lastBodyMs + bodyIdleMs - clock.now();
    if (restMs > 0) return this.#armBodyTimer(restMs);
    this.#call.cancel(
      new ClientGoneError(
        408,
        `Cannot forward the request to ${this.#scope.upstream} because its body fell silent for ${bodyIdleMs} ms (limits.bodyIdle)`,
      ),
    );
  };

  readonly #onDrain = (): void => this.#reply?.resume();

  readonly #onClose = (): void => {
    if (this.#isOver) return;
    this.#call.cancel(
      new ClientGoneError(499, 'Cannot answer because the client closed its connection'),
    );
  };

  #finish(status: number, error: CallFailure | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#context.running.delete(this);
    this.#bodyTimer?.cancel();
    this.#response.off('close', this.#onClose);
    this.#body?.close();
    const call = this.#call;
    const { path } = call;
    const query = path.indexOf('?');
    this.#scope.emit({
      type: 'exchange-finished',
      summary: {
        method: call.method,
        path: query === -1 ? path : path.slice(0, query),
        status: error instanceof ClientGoneError ? error.status : status,
        reason: error instanceof CallError ? error.reason : '',
        durationMs: this.#context.clock.now() - call.startedAtMs,
        waitedMs: call.waitedMs,
        attempts: call.attempts,
        requestId: this.#requestId,
        traceId: singleValue(this.#request.headers['traceparent'])?.slice(3, 35),
        error,
      },
    });
  }
}

const EMPTY = Buffer.alloc(0);

/** Unread bytes of a request body up to which the connection is kept. */
const DRAINABLE_BYTES = 64 * 1024;

function pairs(fields: RawHeaders): [string, string][] {
  const list: [string, string][] = [];
  for (let i = 0; i < fields.length; i += 2) list.push([fields[i]!, fields[i + 1]!]);
  return list;
}

/** A defect of ours must not leave a client without an answer. */
function asFailure(error: unknown, upstream: string): CallFailure {
  if (error instanceof CallError || error instanceof ClientGoneError) return error;
  return new CallError(
    'upstream-protocol-error',
    `Cannot complete the call to ${upstream} because of an unexpected error: ${String(error)}`,
    { cause: error },
  );
}
