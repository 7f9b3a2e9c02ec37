/** A request of HTTP/2 and the way to respond to it, over a stream of Node's core API. */
import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../core/clock.js';
import type { Release } from '../../core/reply.js';
import { firstValue, type Fields } from '../../http/fields.js';
import { isGrpcType } from '../../http/grpc.js';
import type { InboundStream, StreamHandler } from '../stream.js';
import { writeHead, writeInformational, writeTrailers, type RequestFields } from './fields.js';
import { Http2Body } from './http2-body.js';
import { breakOff, finish, respondFirst, respondOnly, stopUpload } from './stream-end.js';
import { hear, type StreamListener } from './stream-events.js';

/** Frames that wait for the client, from which on 1xx responses are left out. */
const MAX_QUEUED = 100;

/** Statuses whose responses have no body. */
const hasNoBody = (status: number) => status === 204 || status === 205 || status === 304;

export interface Http2StreamOptions {
  readonly clock: Clock;
  readonly peerAddress: string | undefined;
  /** The client left before its response was complete. */
  readonly onHangUp: () => void;
  /** Nothing is left of the stream. */
  readonly onClosed: () => void;
}

export class Http2Stream implements InboundStream, StreamListener {
  readonly method: string;
  readonly target: string;
  readonly protocolVersion = '2.0';
  readonly fields: Fields;
  readonly host: string | undefined;
  readonly peerAddress: string | undefined;
  readonly isSecure = false;
  readonly upgrade = undefined;
  readonly canSendTrailers = true;
  readonly body: Http2Body | undefined;
  isGone = false;
  readonly #stream: ServerHttp2Stream;
  readonly #options: Http2StreamOptions;
  #handler: StreamHandler | undefined;
  #head: OutgoingHttpHeaders | undefined;
  #isHeadOnly: boolean;
  #isOver = false;
  /** What follows the last byte of the body. */
  #trailers: Fields = [];

  constructor(
    stream: ServerHttp2Stream,
    { pseudo, fields }: RequestFields,
    options: Http2StreamOptions,
  ) {
    this.#stream = stream;
    this.#options = options;
    this.method = pseudo.method;
    this.target = pseudo.path;
    this.fields = fields;
    this.host = pseudo.authority ?? firstValue(fields, 'host');
    this.peerAddress = options.peerAddress;
    this.#isHeadOnly = this.method === 'HEAD';
    hear(stream, this);
    this.body = this.#openBody();
  }

  get canSendInformational(): boolean {
    const stream = this.#stream;
    if (this.#isClosed || stream.headersSent || this.#head !== undefined) return false;
    // Several gRPC clients take a 1xx for the response.
    if (isGrpcType(firstValue(this.fields, 'content-type'))) return false;
    const { outboundQueueSize = 0 } = stream.session?.state ?? {};
    return outboundQueueSize < MAX_QUEUED;
  }

  /** Nothing more can be sent: Node says so before it tells that the client is gone, and throws from then on. */
  get #isClosed(): boolean {
    return this.isGone || this.#stream.destroyed || this.#stream.closed;
  }

  listen(handler: StreamHandler): void {
    this.#handler = handler;
  }

  sendInformational(status: number, _statusText: string, fields: Fields): void {
    this.#stream.additionalHeaders(writeInformational(status, fields));
  }

  sendHead(
    status: number,
    _statusText: string | undefined,
    fields: string[],
    _isLast: boolean,
  ): void {
    this.#head = writeHead(status, fields);
    this.#isHeadOnly ||= hasNoBody(status);
  }

  flushHead(): void {
    const head = this.#head;
    this.#head = undefined;
    if (head === undefined || this.#isClosed) return;
    if (this.#isHeadOnly) respondOnly(this.#stream, head);
    else respondFirst(this.#stream, head);
  }

  write(chunk: Buffer, release?: Release): boolean {
    this.flushHead();
    if (this.#isClosed || this.#isHeadOnly) return true;
    return this.#stream.write(chunk, onSent(release));
  }

  end(last?: Buffer, trailers: Fields = [], release?: Release): void {
    // Nothing follows: the head itself ends the stream.
    if (last === undefined && trailers.length === 0 && this.#head !== undefined) {
      this.#isHeadOnly = true;
    }
    this.flushHead();
    this.#isOver = true;
    if (this.#isClosed) return;
    if (!this.#isHeadOnly) {
      this.#trailers = trailers;
      finish(this.#stream, last, onSent(release));
    }
    this.#stopUpload();
  }

  abort(): void {
    this.#isOver = true;
    breakOff(this.#stream);
  }

  refuse(status: number): void {
    if (this.isGone) return;
    this.sendHead(status, undefined, ['content-length', '0'], false);
    this.end();
  }

  accept(): Duplex {
    throw new Error('Cannot upgrade because HTTP/2 has no upgrades');
  }

  // From the stream.

  onTrailers(fields: Fields): void {
    if (this.body !== undefined) this.body.trailers = fields;
  }

  onDrain(): void {
    if (!this.#isOver) this.#handler?.onDrain();
  }

  onLastSent(): boolean {
    if (this.#trailers.length === 0) return false;
    this.#stream.sendTrailers(writeTrailers(this.#trailers));
    return true;
  }

  onAborted(): void {
    this.#leave();
  }

  onClosed(): void {
    this.#options.onClosed();
    // Node has ended the response to a HEAD, and does not say that it is aborted.
    this.#leave();
  }

  #openBody(): Http2Body | undefined {
    const stream = this.#stream;
    const length = firstValue(this.fields, 'content-length');
    if (stream.endAfterHeaders || length === '0') {
      // The stream closes only when its end has been read.
      stream.resume();
      return undefined;
    }
    const expects = firstValue(this.fields, 'expect')?.toLowerCase() === '100-continue';
    const sendContinue = () => {
      if (this.canSendInformational) stream.additionalHeaders({ ':status': 100 });
    };
    const bytes = length === undefined ? undefined : Number(length);
    return new Http2Body(stream, bytes, expects ? sendContinue : undefined);
  }

  #stopUpload(): void {
    const { body } = this;
    if (body === undefined || body.hasEnded) return;
    body.discard();
    stopUpload(this.#stream, this.#options.clock);
  }

  #leave(): void {
    if (this.#isOver || this.isGone) return;
    this.isGone = true;
    this.#options.onHangUp();
    this.#handler?.onClose();
  }
}

/** What was to be sent to a client that has left may still be somewhere in Node: only what was sent is not read again. */
const onSent = (release: Release | undefined) =>
  release && ((error?: Error | null): void => void (error || release()));
