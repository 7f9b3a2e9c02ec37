/** A request body that streams to the upstream while it is remembered, so that a failed try can be repeated. */
import type { IncomingMessage } from 'node:http';
import type { BodyStart, CallBody } from '../core/call.js';
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

/** Takes a body on behalf of one try. */
export interface BodyReader {
  /** @returns false when it is behind; it calls `demand` when it has caught up. */
  offer(chunk: Buffer): boolean;
  /** That was the last of it. */
  onBodyEnd(): void;
}

interface ReadAhead {
  readonly limit: number;
  readonly resolve: (start: BodyStart) => void;
}

const concat = (chunks: readonly Buffer[]) =>
  chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);

export class ReplayableBody implements CallBody {
  readonly #source: IncomingMessage;
  readonly #options: ReplayableBodyOptions;
  /** Everything received so far, or undefined once it was too much. */
  #kept: Buffer[] | undefined = [];
  #keptBytes = 0;
  #keptLimit: number;
  #ahead: ReadAhead | undefined;
  #isFlowing = false;
  #hasEnded = false;
  #reader: BodyReader | undefined;

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

  /**
   * Another try is about to follow: the reader before gets nothing more. What it went on to read until then might no longer
   * be remembered for the next.
   */
  rewind(): void {
    if (this.#reader !== undefined) this.detach(this.#reader);
  }

  /** For one try: all of it, where it is here and nothing follows it. */
  takeWhole(): Buffer | undefined {
    if (this.#isHere) return this.#take();
    if (!this.#hasEnded || this.#kept === undefined || this.trailers.length > 0) return undefined;
    this.#reader = undefined;
    return concat(this.#kept);
  }

  /** For one try: what is remembered first, then what still comes. */
  sendTo(reader: BodyReader): void {
    this.#reader = reader;
    let wantsMore = true;
    for (const chunk of this.#kept ?? []) wantsMore = reader.offer(chunk);
    // Read ahead beyond the limit: it waited for its first reader only.
    if (this.#keptBytes > this.#keptLimit) this.#kept = undefined;
    if (this.#hasEnded) reader.onBodyEnd();
    else if (wantsMore) this.demand(reader);
  }

  demand(reader: BodyReader): void {
    if (reader !== this.#reader || this.#hasEnded) return;
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

  detach(reader: BodyReader): void {
    if (reader !== this.#reader) return;
    this.#reader = undefined;
    if (this.#isFlowing && !this.#hasEnded) this.#source.pause();
  }

  /** The exchange is over: forgets what was kept and lets the rest of the upload run into the void. */
  close(): void {
    this.#reader = undefined;
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
    if (this.#reader === undefined || !this.#reader.offer(chunk)) this.#source.pause();
  };

  readonly #onEnd = (): void => {
    this.#hasEnded = true;
    this.#reader?.onBodyEnd();
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
