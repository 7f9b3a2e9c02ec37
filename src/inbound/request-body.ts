/** A request body that streams to the upstream while it is remembered, so that other attempts can send it again. */
import type { BodyCursor, BodyReader, BodyStart, RequestBody } from '../core/request-body.js';
import type { Fields } from '../http/fields.js';
import type { BodySource, BodySourceReader } from './stream.js';

/** Follows a body on its way from the client. */
export interface BodyObserver {
  /** The client is expected to send from now on. Not called for a body that is taken as a whole. */
  onStart(): void;
  /** That many more bytes have been read. */
  onReceived(bytes: number): void;
}

interface ReadAhead {
  readonly limit: number;
  readonly resolve: (start: BodyStart) => void;
}

const concat = (chunks: readonly Buffer[]) =>
  chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);

export class ReplayableBody implements RequestBody, BodySourceReader {
  readonly #source: BodySource;
  readonly #observer: BodyObserver;
  /** Everything received so far, or undefined once it was too much. */
  #kept: Buffer[] | undefined = [];
  #keptBytes = 0;
  #keptLimit: number;
  #ahead: ReadAhead | undefined;
  #isFlowing = false;
  #hasEnded = false;
  /** Those that have a reader. Nearly always one, or none. */
  #cursors: readonly Cursor[] = [];

  /**
   * Reads nothing from `source` until an attempt wants bytes.
   * @param replayLimit bytes to remember at most; a longer upload goes on, but cannot be sent again.
   */
  constructor(source: BodySource, replayLimit: number, observer: BodyObserver) {
    this.#source = source;
    this.#keptLimit = replayLimit;
    this.#observer = observer;
  }

  get isReplayable(): boolean {
    return this.#kept !== undefined;
  }

  /** Fields after the last chunk; empty until the body has ended. */
  get trailers(): Fields {
    return this.#source.trailers;
  }

  /** All of the body has come from the client, whether it has been read or not. */
  get hasEnded(): boolean {
    return this.#hasEnded || this.#isHere;
  }

  /** The client is expected to send: the body is not complete and not paused on this side. */
  get isAwaited(): boolean {
    return this.#isFlowing && !this.#hasEnded && !this.#source.isPaused;
  }

  readAhead(limit: number): Promise<BodyStart> {
    // What is in memory anyway can serve other attempts.
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

  get length(): number | undefined {
    return this.#source.length;
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

  /** It has come as a whole, and nothing has been read of it. */
  get #isHere(): boolean {
    return !this.#isFlowing && this.#source.isHere;
  }

  /** Without the detour of a stream and its events: small bodies mostly come together with their head. */
  #take(): Buffer {
    this.#isFlowing = true;
    this.#hasEnded = true;
    const bytes = this.#source.takeWhole();
    this.#receive(bytes);
    return bytes;
  }

  #flow(): void {
    if (this.#isFlowing) {
      this.#source.resume();
      return;
    }
    this.#isFlowing = true;
    this.#source.sendTo(this);
    this.#observer.onStart();
  }

  /** The exchange is over: forgets what was kept; the rest of the upload is dropped as it comes. */
  close(): void {
    this.#cursors = [];
    this.#ahead = undefined;
    this.#kept = undefined;
    if (!this.#hasEnded) this.#source.discard();
  }

  #receive(chunk: Buffer): void {
    this.#keep(chunk);
    this.#observer.onReceived(chunk.length);
  }

  // From the source.

  onData(chunk: Buffer): void {
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
  }

  onEnd(): void {
    this.#hasEnded = true;
    for (const cursor of this.#cursors) cursor.end();
    if (this.#ahead !== undefined) this.#endAhead(this.#ahead, true);
  }

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
