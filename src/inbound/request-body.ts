/** A request body that streams to the upstream while it is remembered, so that a failed try can be repeated. */
import type { IncomingMessage } from 'node:http';
import type { BodyCursor, BodyReader, BodyStart, RequestBody } from '../core/request-body.js';
import type { Fields } from '../http/fields.js';

export interface ReplayableBodyOptions {
  /** Bytes to remember at most; beyond, the upload goes on and can no longer be repeated. */
  readonly replayLimit: number;
  /** First time that bytes are wanted: an upload that awaits `100 Continue` may start now. */
  readonly onDemand: () => void;
  /** Each chunk's size as it comes from the client. */
  readonly onReceived: (bytes: number) => void;
}

const NOTHING = Buffer.alloc(0);

interface ReadAhead {
  readonly limit: number;
  readonly resolve: (start: BodyStart) => void;
}

const concat = (chunks: readonly Buffer[]) =>
  chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);

export class ReplayableBody implements RequestBody {
  readonly #source: IncomingMessage;
  readonly #options: ReplayableBodyOptions;
  /** Everything received so far, or undefined once it was too much. */
  #kept: Buffer[] | undefined = [];
  #keptBytes = 0;
  #keptLimit: number;
  #ahead: ReadAhead | undefined;
  #isFlowing = false;
  #hasEnded = false;
  /** Those that have a reader. Nearly always one, or none. */
  #cursors: readonly Cursor[] = [];

  /** Reads nothing from `source` until a try wants bytes. */
  constructor(source: IncomingMessage, options: ReplayableBodyOptions) {
    this.#source = source;
    this.#options = options;
    this.#keptLimit = options.replayLimit;
  }

  get isReplayable(): boolean {
    return this.#kept !== undefined;
  }

  /** Fields after the last chunk; empty until the body has ended. */
  get trailers(): Fields {
    return this.#source.rawTrailers;
  }

  /** All of the body has come from the client, whether it has been read or not. */
  get hasEnded(): boolean {
    return this.#hasEnded || this.#isHere;
  }

  /** The client is expected to send, and nobody holds it back. */
  get isAwaited(): boolean {
    return this.#isFlowing && !this.#hasEnded && !this.#source.isPaused();
  }

  readAhead(limit: number): Promise<BodyStart> {
    // What is in memory already may as well serve another try.
    this.#keptLimit = Math.max(this.#keptLimit, limit);
    if (this.#hasEnded || this.#kept === undefined) {
      const isWhole = this.#hasEnded && this.#kept !== undefined;
      return Promise.resolve({ bytes: concat(this.#kept ?? []), isWhole });
    }
    return new Promise((resolve) => {
      this.#ahead = { limit, resolve };
      this.#flow();
    });
  }

  /** Of the request's Content-Length. */
  get length(): number | undefined {
    const length = this.#source.headers['content-length'];
    return length === undefined ? undefined : Number(length);
  }

  open(): BodyCursor {
    return new Cursor(this);
  }

  closeCursors(): void {
    for (const cursor of this.#cursors) cursor.close();
  }

  // From its cursors.

  /** All of it, where it is here and no trailers follow. */
  takeWhole(): Buffer | undefined {
    if (this.#isHere) return this.#take();
    if (!this.#hasEnded || this.#kept === undefined || this.trailers.length > 0) return undefined;
    return concat(this.#kept);
  }

  /** Hands over what is remembered first, then what still comes. */
  follow(cursor: Cursor): void {
    this.#cursors = [...this.#cursors, cursor];
    for (const chunk of this.#kept ?? []) cursor.offer(chunk);
    // Read ahead beyond the limit: it waited for its first reader only.
    if (this.#keptBytes > this.#keptLimit) this.#kept = undefined;
    if (this.#hasEnded) cursor.end();
    else this.flowOn();
  }

  unfollow(cursor: Cursor): void {
    if (!this.#cursors.includes(cursor)) return;
    this.#cursors = this.#cursors.filter((each) => each !== cursor);
    if (!this.#isFlowing || this.#hasEnded) return;
    if (this.#cursors.length === 0) this.#source.pause();
    else this.flowOn();
  }

  /** Reads on, unless one of the cursors is behind. */
  flowOn(): void {
    if (this.#hasEnded || this.#cursors.some((cursor) => cursor.isBehind)) return;
    this.#flow();
  }

  /** It has come as a whole, and nobody has read of it. */
  get #isHere(): boolean {
    const { readableLength, headers } = this.#source;
    return !this.#isFlowing && readableLength === Number(headers['content-length']);
  }

  /** Without the detour of a stream and its events: small bodies mostly come together with their head. */
  #take(): Buffer {
    this.#isFlowing = true;
    this.#hasEnded = true;
    this.#options.onDemand();
    const bytes = (this.#source.read() as Buffer | null) ?? NOTHING;
    this.#receive(bytes);
    return bytes;
  }

  #flow(): void {
    if (this.#isFlowing) {
      this.#source.resume();
      return;
    }
    this.#isFlowing = true;
    this.#options.onDemand();
    this.#source.on('data', this.#onData);
    this.#source.on('end', this.#onEnd);
  }

  /** The exchange is over: forgets what was kept and lets the rest of the upload run into the void. */
  close(): void {
    this.#cursors = [];
    this.#ahead = undefined;
    this.#kept = undefined;
    if (this.#isFlowing) {
      this.#source.off('data', this.#onData);
      this.#source.off('end', this.#onEnd);
    }
    if (!this.#hasEnded) this.#source.resume();
  }

  #receive(chunk: Buffer): void {
    this.#keep(chunk);
    this.#options.onReceived(chunk.length);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#receive(chunk);
    if (this.#ahead !== undefined) {
      if (this.#keptBytes <= this.#ahead.limit) return;
      this.#source.pause();
      this.#endAhead(this.#ahead, false);
      return;
    }
    const cursors = this.#cursors;
    let wantsMore = cursors.length > 0;
    for (const cursor of cursors) wantsMore = cursor.offer(chunk) && wantsMore;
    if (!wantsMore) this.#source.pause();
  };

  readonly #onEnd = (): void => {
    this.#hasEnded = true;
    for (const cursor of this.#cursors) cursor.end();
    if (this.#ahead !== undefined) this.#endAhead(this.#ahead, true);
  };

  #endAhead({ resolve }: ReadAhead, isWhole: boolean): void {
    this.#ahead = undefined;
    resolve({ bytes: concat(this.#kept ?? []), isWhole });
  }

  #keep(chunk: Buffer): void {
    if (this.#kept === undefined) return;
    this.#keptBytes += chunk.length;
    if (this.#keptBytes > this.#keptLimit && this.#ahead === undefined) this.#kept = undefined;
    else this.#kept.push(chunk);
  }
}

/** All cursors have been given all that has been read: they differ only in whether their readers keep up. */
class Cursor implements BodyCursor {
  isBehind = false;
  readonly #body: ReplayableBody;
  #reader: BodyReader | undefined;

  constructor(body: ReplayableBody) {
    this.#body = body;
  }

  get hasEnded(): boolean {
    return this.#body.hasEnded;
  }

  get length(): number | undefined {
    return this.#body.length;
  }

  get trailers(): Fields {
    return this.#body.trailers;
  }

  takeWhole(): Buffer | undefined {
    return this.#body.takeWhole();
  }

  sendTo(reader: BodyReader): void {
    this.#reader = reader;
    this.#body.follow(this);
  }

  demand(): void {
    if (this.#reader === undefined) return;
    this.isBehind = false;
    this.#body.flowOn();
  }

  close(): void {
    if (this.#reader === undefined) return;
    this.#reader = undefined;
    this.#body.unfollow(this);
  }

  // From the body.

  offer(chunk: Buffer): boolean {
    this.isBehind = this.#reader?.offer(chunk) === false;
    return !this.isBehind;
  }

  end(): void {
    this.#reader?.onBodyEnd();
  }
}
