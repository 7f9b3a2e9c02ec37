/** Stands between a client and an attempt of a gRPC call: what the upstream sends becomes proper gRPC. */
import type { Duplex } from 'node:stream';
import type { Release } from '../core/reply.js';
import { filterFields, firstValue, type Fields } from '../http/fields.js';
import {
  codeOfStatus,
  findGrpcCode,
  grpcNumber,
  encodeGrpcMessage,
  isGrpcType,
} from '../http/grpc.js';
import {
  ResponseUnfinished,
  StatusMissing,
  type Dispatched,
  type Progress,
  type ResponseHandler,
  type ResponseHead,
} from './client.js';

/** Characters; a content type may have any length. */
const MAX_MESSAGE = 512;

/** Of a response that a gRPC client does not read. */
const ofForeignBody = new Set(['content-type', 'content-length', 'content-encoding', 'trailer']);

const isNoStatus = (lowerName: string) =>
  lowerName !== 'grpc-status' && lowerName !== 'grpc-message';

const isNotOfForeignBody = (lowerName: string) => !ofForeignBody.has(lowerName);

const typeOf = ({ headers }: ResponseHead) => firstValue(headers, 'content-type');

const isGrpcHead = (head: ResponseHead) => head.status === 200 && isGrpcType(typeOf(head));

/** All clients understand this form, and only some understand others. @param status more fields. */
const toTrailersOnly = ({ headers }: ResponseHead, status: Fields = []): ResponseHead => ({
  status: 200,
  statusText: '',
  headers: [
    'content-type',
    'application/grpc',
    ...filterFields(headers, isNotOfForeignBody),
    ...status,
  ],
});

/** An HTTP error, of a gateway or of a server that does not know gRPC: its status tells as much as it can. */
function translate(head: ResponseHead): ResponseHead {
  const { status } = head;
  const type = typeOf(head);
  const what = `${status} with ${type === undefined ? 'no content type' : `the content type ${type}`}`;
  const message = `The upstream responded ${what} instead of gRPC`;
  const code = String(grpcNumber(codeOfStatus(status)));
  const text = encodeGrpcMessage(message, MAX_MESSAGE);
  return toTrailersOnly(head, ['grpc-status', code, 'grpc-message', text]);
}

const BEGUN: Progress = {
  isConnected: true,
  sent: 'some',
  isReused: false,
  hasResponseBegun: true,
};

/**
 * A status in the head counts only where nothing follows the head (trailers-only), which is known with the next event. In
 * heads that it passes on there is a status only then.
 */
export class GrpcResponses implements ResponseHandler {
  readonly #inner: ResponseHandler;
  #dispatched: Dispatched | undefined;
  /** A head with a status, until it is known whether anything follows. */
  #held: ResponseHead | undefined;
  #hasHead = false;
  /** The upstream has had its say. */
  #isOver = false;

  constructor(inner: ResponseHandler) {
    this.#inner = inner;
  }

  get isOver(): boolean {
    return this.#isOver || this.#inner.isOver;
  }

  onStart(dispatched: Dispatched): void {
    this.#dispatched = dispatched;
    this.#inner.onStart(dispatched);
  }

  onStall(isStalled: boolean): void {
    this.#inner.onStall(isStalled);
  }

  onSent(): void {
    this.#inner.onSent();
  }

  onInformational(): void {
    // Some gRPC clients take it for the response.
  }

  onHead(head: ResponseHead): void {
    this.#hasHead = true;
    if (findGrpcCode(head.headers) !== undefined) this.#held = head;
    else if (isGrpcHead(head)) this.#inner.onHead(head);
    else this.#onForeign(head);
  }

  onData(chunk: Buffer, release?: Release): void {
    if (this.#isOver || (this.#held !== undefined && !this.#passOn(this.#held))) release?.();
    else this.#inner.onData(chunk, release);
  }

  onEnd(trailers: Fields): void {
    if (this.#isOver) return;
    const held = this.#held;
    if (findGrpcCode(trailers) !== undefined) {
      if (held === undefined || this.#passOn(held)) this.#inner.onEnd(trailers);
    } else if (held === undefined) {
      this.#fail('it ended without a gRPC status');
    } else {
      this.#inner.onHead(isGrpcHead(held) ? held : toTrailersOnly(held));
      this.#inner.onEnd([]);
    }
  }

  onUpgrade(_: ResponseHead, socket: Duplex): void {
    socket.destroy();
    this.#fail('it switched protocols');
  }

  onFailure(error: Error, progress: Progress): void {
    if (this.#isOver) return;
    // As one that ends without trailers; where it ends inside a message, the client is told so in any case.
    if (this.#hasHead && error instanceof ResponseUnfinished) this.#fail(error.message);
    else this.#inner.onFailure(error, progress);
  }

  /** More follows: the status in the head does not count. @returns false where that was the end. */
  #passOn(held: ResponseHead): boolean {
    this.#held = undefined;
    if (!isGrpcHead(held)) {
      this.#onForeign(held);
      return false;
    }
    this.#inner.onHead({ ...held, headers: filterFields(held.headers, isNoStatus) });
    return true;
  }

  #onForeign(head: ResponseHead): void {
    if (head.status >= 200 && head.status < 300) {
      const type = typeOf(head) ?? 'no content type';
      return this.#fail(`it responded ${head.status} with ${type} instead of application/grpc`);
    }
    this.#isOver = true;
    this.#dispatched?.destroy();
    this.#inner.onHead(translate(head));
    this.#inner.onEnd([]);
  }

  #fail(why: string): void {
    this.#isOver = true;
    this.#inner.onFailure(new StatusMissing(why), BEGUN);
  }
}
