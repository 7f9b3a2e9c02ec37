/** A simulated caller's side of one exchange: its request is in memory, and so is the response that it gets. */
import type { Duplex } from 'node:stream';
import type { Release } from '../core/reply.js';
import type { Fields } from '../http/fields.js';
import type {
  BodySource,
  BodySourceReader,
  InboundStream,
  StreamHandler,
} from '../inbound/stream.js';

export interface CallerRequest {
  readonly method: string;
  /** Path and query as on the wire. */
  readonly target: string;
  readonly fields?: Fields;
  readonly host?: string;
  readonly body?: Buffer | undefined;
  /** `2.0` for a gRPC call; `1.1` unless it is set. */
  readonly protocolVersion?: string;
}

export interface CallerResponse {
  readonly status: number;
  readonly fields: Fields;
  readonly body: Buffer;
  readonly trailers: Fields;
  /** It broke off after its head. */
  readonly isBroken: boolean;
}

const NO_BODY = Buffer.alloc(0);

/** A body that has come together with its head. */
class MemorySource implements BodySource {
  readonly length: number;
  readonly trailers: Fields = [];
  isPaused = false;
  #body: Buffer | undefined;
  #reader: BodySourceReader | undefined;

  constructor(body: Buffer) {
    this.length = body.length;
    this.#body = body;
  }

  get isHere(): boolean {
    return this.#body !== undefined && this.#reader === undefined;
  }

  takeWhole(): Buffer {
    const body = this.#body!;
    this.#body = undefined;
    return body;
  }

  sendTo(reader: BodySourceReader): void {
    this.#reader = reader;
    queueMicrotask(() => this.#flow());
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    queueMicrotask(() => this.#flow());
  }

  discard(): void {
    this.#reader = undefined;
  }

  #flow(): void {
    if (this.isPaused) return;
    const body = this.#body;
    this.#body = undefined;
    if (body !== undefined) this.#reader?.onData(body);
    // The reader may have paused it.
    if (this.isPaused) return;
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.onEnd();
  }
}

export class Caller implements InboundStream {
  readonly method: string;
  readonly target: string;
  readonly protocolVersion: string;
  readonly fields: Fields;
  readonly host: string;
  readonly peerAddress = '127.0.0.1';
  readonly isSecure = false;
  readonly body: BodySource | undefined;
  readonly upgrade = undefined;
  readonly canSendInformational = false;
  readonly canSendTrailers: boolean;
  isGone = false;
  readonly #onResponse: (response: CallerResponse) => void;
  #handler: StreamHandler | undefined;
  #status = 0;
  #head: Fields = [];
  #chunks: Buffer[] = [];

  /** @param onResponse is called once, with all of the response; not at all for a caller that has hung up. */
  constructor(request: CallerRequest, onResponse: (response: CallerResponse) => void) {
    this.method = request.method;
    this.target = request.target;
    this.protocolVersion = request.protocolVersion ?? '1.1';
    this.fields = request.fields ?? [];
    this.host = request.host ?? 'localhost';
    this.canSendTrailers = this.protocolVersion === '2.0';
    this.body = request.body === undefined ? undefined : new MemorySource(request.body);
    this.#onResponse = onResponse;
  }

  /** Does not want the response any more. */
  hangUp(): void {
    if (this.isGone) return;
    this.isGone = true;
    this.#handler?.onClose();
  }

  listen(handler: StreamHandler): void {
    this.#handler = handler;
  }

  sendInformational(): void {}

  sendHead(status: number, _statusText: string | undefined, fields: string[]): void {
    this.#status = status;
    this.#head = fields;
  }

  flushHead(): void {}

  write(chunk: Buffer, release?: Release): boolean {
    // The chunk is its owner's again after `release`.
    this.#chunks.push(release === undefined ? chunk : Buffer.from(chunk));
    release?.();
    return true;
  }

  end(last?: Buffer, trailers: Fields = [], release?: Release): void {
    if (last !== undefined) this.write(last, release);
    this.#tell(trailers, false);
  }

  abort(): void {
    this.#tell([], true);
  }

  refuse(status: number): void {
    this.#status = status;
    this.#tell([], false);
  }

  accept(): Duplex {
    throw new Error('Cannot open a tunnel because a simulated caller asks for no upgrade');
  }

  #tell(trailers: Fields, isBroken: boolean): void {
    if (this.isGone) return;
    this.isGone = true;
    const chunks = this.#chunks;
    const body = chunks.length === 0 ? NO_BODY : Buffer.concat(chunks);
    this.#onResponse({ status: this.#status, fields: this.#head, body, trailers, isBroken });
  }
}
