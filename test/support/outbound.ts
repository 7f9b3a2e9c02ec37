/** Requests through a client of any protocol, and what became of them. */
import type { BodyCursor } from '../../src/core/request-body.js';
import type { Fields } from '../../src/http/fields.js';
import type {
  Dispatched,
  HttpClient,
  OutboundRequest,
  Progress,
  ResponseHandler,
  ResponseHead,
} from '../../src/outbound/client.js';

/** A request under way, and all that its handler has been told. */
export class Sent implements ResponseHandler {
  isOver = false;
  dispatched: Dispatched | undefined;
  readonly informational: ResponseHead[] = [];
  head: ResponseHead | undefined;
  readonly chunks: Buffer[] = [];
  trailers: Fields | undefined;
  error: Error | undefined;
  progress: Progress | undefined;
  readonly stalls: boolean[] = [];
  hasSent = false;
  /** What has been called, in order. */
  readonly calls: string[] = [];
  /** Resolves with the last of these calls. */
  readonly ended: Promise<'end' | 'failure'>;
  #onEnded!: (how: 'end' | 'failure') => void;

  constructor() {
    this.ended = new Promise((resolve) => (this.#onEnded = resolve));
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }

  get bytes(): number {
    return this.chunks.reduce((sum, { length }) => sum + length, 0);
  }

  onStart(dispatched: Dispatched): void {
    this.dispatched = dispatched;
    this.calls.push('start');
  }

  onStall(isStalled: boolean): void {
    this.stalls.push(isStalled);
  }

  onSent(): void {
    this.hasSent = true;
  }

  onInformational(head: ResponseHead): void {
    this.informational.push(head);
    this.calls.push('informational');
  }

  onHead(head: ResponseHead): void {
    this.head = head;
    this.calls.push('head');
  }

  onData(chunk: Buffer): void {
    this.chunks.push(chunk);
  }

  onEnd(trailers: Fields): void {
    this.trailers = trailers;
    this.#end('end');
  }

  onUpgrade(): void {
    this.calls.push('upgrade');
  }

  onFailure(error: Error, progress: Progress): void {
    this.error = error;
    this.progress = progress;
    this.#end('failure');
  }

  /** As a policy that gives up. */
  giveUp(): void {
    this.isOver = true;
    this.dispatched?.destroy();
  }

  #end(how: 'end' | 'failure'): void {
    this.isOver = true;
    this.calls.push(how);
    this.#onEnded(how);
  }
}

const plain: OutboundRequest = {
  method: 'GET',
  path: '/',
  authority: 'x.test',
  fields: [],
  body: undefined,
  upgrade: undefined,
};

export function sendBy(client: HttpClient, request: Partial<OutboundRequest> = {}): Sent {
  const sent = new Sent();
  client.dispatch({ ...plain, ...request }, sent);
  return sent;
}

/** A body of which the test hands over one piece after the other. */
export class FakeCursor implements BodyCursor {
  hasEnded = false;
  readonly length = undefined;
  trailers: Fields = [];
  isClosed = false;
  demands = 0;
  #reader: Parameters<BodyCursor['sendTo']>[0] | undefined;

  takeWhole(): undefined {
    return undefined;
  }

  sendTo(reader: Parameters<BodyCursor['sendTo']>[0]): void {
    this.#reader = reader;
  }

  demand(): void {
    this.demands += 1;
  }

  close(): void {
    this.isClosed = true;
  }

  offer(chunk: Buffer | string): boolean {
    return this.#reader!.offer(Buffer.from(chunk));
  }

  end(trailers: Fields = []): void {
    this.hasEnded = true;
    this.trailers = trailers;
    this.#reader!.onBodyEnd();
  }
}

/** A body that is here already. */
export function wholeBody(bytes: Buffer | string): BodyCursor {
  const whole = Buffer.from(bytes);
  return {
    hasEnded: true,
    length: undefined,
    trailers: [],
    takeWhole: () => whole,
    sendTo: () => {},
    demand: () => {},
    close: () => {},
  };
}
