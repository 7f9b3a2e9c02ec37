/** A client's request, body and scope as tests of the inbound side need them: no sockets, and a log of what was sent. */
import { Duplex } from 'node:stream';
import type { Event, ExchangeFinished, ExchangeSummary } from '../../src/core/events.js';
import type { Fields } from '../../src/http/fields.js';
import type {
  BodySource,
  BodySourceReader,
  InboundStream,
  RequestHead,
  StreamHandler,
} from '../../src/inbound/stream.js';
import type { Scope } from '../../src/upstream/scope.js';
import { FakeStage } from './fake-stage.js';

/** The head of `GET / HTTP/1.1` from 192.0.2.7. */
export function fakeHead(overrides: Partial<RequestHead> = {}): RequestHead {
  return {
    method: 'GET',
    target: '/',
    protocolVersion: '1.1',
    fields: [],
    host: 'shop.example',
    peerAddress: '192.0.2.7',
    isSecure: false,
    ...overrides,
  };
}

/** A body whose bytes the test sends. */
export class FakeSource implements BodySource {
  readonly length: number | undefined;
  isPaused = false;
  isDiscarded = false;
  trailers: Fields = [];
  reader: BodySourceReader | undefined;
  #here: Buffer | undefined;

  /** @param here what came together with the head: the whole body. */
  constructor(length?: number, here?: string) {
    this.length = length;
    this.#here = here === undefined ? undefined : Buffer.from(here);
  }

  get isHere(): boolean {
    return this.#here !== undefined;
  }

  takeWhole(): Buffer {
    const here = this.#here!;
    this.#here = undefined;
    return here;
  }

  sendTo(reader: BodySourceReader): void {
    this.reader = reader;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  discard(): void {
    this.isDiscarded = true;
    this.reader = undefined;
  }

  // What the client does.

  send(text: string): void {
    this.reader?.onData(Buffer.from(text));
  }

  end(trailers: Fields = []): void {
    this.trailers = trailers;
    this.reader?.onEnd();
  }
}

export interface FakeStreamInit extends Partial<RequestHead> {
  readonly body?: FakeSource;
  readonly upgrade?: string;
}

export class FakeStream implements InboundStream {
  readonly method: string;
  readonly target: string;
  readonly protocolVersion: string;
  readonly fields: Fields;
  readonly host: string | undefined;
  readonly peerAddress: string | undefined;
  readonly isSecure: boolean;
  readonly body: FakeSource | undefined;
  readonly upgrade: string | undefined;
  canSendInformational = true;
  canSendTrailers = true;
  isGone = false;
  /** `write` returns false. */
  isFull = false;
  /** Heads with this status cannot be written. */
  unwritable: number | undefined;
  /** What went out, in order: `head 200`, `flush`, `write ab`, `end ab`, `abort`, `refuse 408`, `accept`. */
  readonly sent: string[] = [];
  /** Of the last head. */
  head: { statusText: string | undefined; fields: Fields; isLast: boolean } | undefined;
  trailers: Fields | undefined;
  readonly accepted = new Duplex({ read() {} });
  #handler: StreamHandler | undefined;

  constructor({ body, upgrade, ...head }: FakeStreamInit = {}) {
    const { method, target, protocolVersion, fields, host, peerAddress, isSecure } = fakeHead(head);
    this.method = method;
    this.target = target;
    this.protocolVersion = protocolVersion;
    this.fields = fields;
    this.host = host;
    this.peerAddress = peerAddress;
    this.isSecure = isSecure;
    this.body = body;
    this.upgrade = upgrade;
  }

  listen(handler: StreamHandler): void {
    this.#handler = handler;
  }

  sendInformational(status: number, _statusText: string, fields: Fields): void {
    this.sent.push([status, ...fields].join(' '));
  }

  sendHead(
    status: number,
    statusText: string | undefined,
    fields: string[],
    isLast: boolean,
  ): void {
    if (status === this.unwritable) throw new TypeError('a character is not allowed');
    this.head = { statusText, fields, isLast };
    this.sent.push(`head ${status}`);
  }

  flushHead(): void {
    this.sent.push('flush');
  }

  write(chunk: Buffer): boolean {
    this.sent.push(`write ${chunk.toString()}`);
    return !this.isFull;
  }

  end(last?: Buffer, trailers: Fields = []): void {
    this.trailers = trailers;
    this.sent.push(last === undefined ? 'end' : `end ${last.toString()}`);
    this.#handler?.onClose();
  }

  abort(): void {
    this.sent.push('abort');
    this.#handler?.onClose();
  }

  refuse(status: number): void {
    this.sent.push(`refuse ${status}`);
    this.#handler?.onClose();
  }

  accept(statusText: string, fields: Fields): Duplex {
    this.head = { statusText, fields, isLast: false };
    this.sent.push('accept');
    return this.accepted;
  }

  // What the client does.

  drain(): void {
    this.isFull = false;
    this.#handler!.onDrain();
  }

  spoilBody(why: string): void {
    this.#handler!.onMalformed(why);
  }

  leave(): void {
    this.isGone = true;
    this.#handler!.onClose();
  }
}

const isExchangeFinished = (event: Event): event is ExchangeFinished =>
  event.type === 'exchange-finished';

/** Where exchanges go: a stage whose responses the test gives. */
export class FakeScope implements Scope {
  readonly upstream = 'catalog';
  readonly route = '';
  readonly pattern = undefined;
  readonly stage = new FakeStage();
  readonly preserveHost: boolean;
  readonly earlyHints: boolean;
  readonly replayBytes = 10;
  readonly ownRetryAfterMs = Infinity;
  readonly responseFields = [];
  readonly summaries: ExchangeSummary[] = [];
  entered = 0;
  left = 0;

  constructor({ preserveHost = false, earlyHints = true } = {}) {
    this.preserveHost = preserveHost;
    this.earlyHints = earlyHints;
  }

  readonly emit = (event: Event): void => {
    if (isExchangeFinished(event)) this.summaries.push(event.summary);
  };

  enter(): void {
    this.entered += 1;
  }

  leave(): void {
    this.left += 1;
  }
}
