/**
 * The page of all scrapes that wait for one: it is rendered once, and each scrape reads it at its own pace. Scrapes that come
 * while a page is being rendered wait for the next one, as a page that could still be joined would have to be kept from its
 * beginning. In memory outside of V8's heap, 20 MB that live for a second make V8 look through the whole heap again and again.
 */
import { setImmediate } from 'node:timers/promises';
import type { Break } from './breaks.js';

/** Bytes of finished pages that slow scrapes may keep in memory. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;

/** Pieces that no scrape needs any more are garbage. */
interface Piece {
  readonly bytes: Buffer;
  next: Piece | undefined;
}

/** One scrape. */
interface Reader {
  /** The piece that it has read. Undefined: it was too slow. */
  at: Piece | undefined;
}

class Rendering {
  readonly #takeBreak: Break;
  readonly #readers = new Set<Reader>();
  #bytes = 0;
  #last: Piece = { bytes: Buffer.alloc(0), next: undefined };
  #hasBegun = false;
  #hasEnded = false;
  #error: unknown;
  /** Resolves at the next piece, or at the end. */
  #more: Promise<void>;
  #wake!: () => void;

  constructor(takeBreak: Break) {
    this.#takeBreak = takeBreak;
    this.#more = this.#expectMore();
  }

  /** It has no pieces yet. */
  get canBeJoined(): boolean {
    return !this.#hasBegun;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Bytes that scrapes may still hold. */
  get keptBytes(): number {
    return this.#readers.size === 0 ? 0 : this.#bytes;
  }

  /** Ends early when all scrapes have left. */
  async run(pieces: AsyncIterable<string>): Promise<void> {
    try {
      // All that wait for this page join it first.
      await setImmediate();
      for await (const text of pieces) {
        if (this.#readers.size === 0) break;
        this.#append(Buffer.from(text));
      }
    } catch (error) {
      this.#error = error;
    }
    this.#hasEnded = true;
    this.#wake();
  }

  /** The whole page, for one that joins it. */
  async *read(): AsyncGenerator<Buffer> {
    const reader: Reader = { at: this.#last };
    this.#readers.add(reader);
    try {
      for (;;) {
        if (reader.at === undefined) {
          throw new Error('Cannot send the rest of the metrics because they are read too slowly');
        }
        const { next } = reader.at;
        if (next !== undefined) {
          reader.at = next;
          await this.#takeBreak();
          yield next.bytes;
        } else if (!this.#hasEnded) {
          await this.#more;
        } else if (this.#error !== undefined) {
          throw this.#error;
        } else {
          return;
        }
      }
    } finally {
      this.#readers.delete(reader);
    }
  }

  /** Takes the page from the scrapes that still read it. */
  cutOff(): void {
    for (const reader of this.#readers) reader.at = undefined;
  }

  #append(bytes: Buffer): void {
    this.#hasBegun = true;
    this.#bytes += bytes.length;
    this.#last = this.#last.next = { bytes, next: undefined };
    this.#wake();
    this.#more = this.#expectMore();
  }

  #expectMore(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }
}

export class SharedPage {
  readonly #render: () => AsyncIterable<string>;
  readonly #takeBreak: Break;
  /** The running one is the last. */
  #renderings: Rendering[] = [];
  /** Resolves when it has ended. */
  #running = Promise.resolve();

  /**
   * @param render the pieces of a page; it makes breaks between them.
   * @param takeBreak before a scrape is given a piece.
   */
  constructor(render: () => AsyncIterable<string>, takeBreak: Break) {
    this.#render = render;
    this.#takeBreak = takeBreak;
  }

  /** The next page, or the one that is about to be rendered. */
  async *read(): AsyncGenerator<Buffer> {
    for (;;) {
      const running = this.#renderings.at(-1);
      if (running === undefined || running.hasEnded) return yield* this.#begin().read();
      if (running.canBeJoined) return yield* running.read();
      await this.#running;
    }
  }

  #begin(): Rendering {
    this.#renderings = this.#renderings.filter(({ keptBytes }) => keptBytes > 0);
    let bytes = this.#renderings.reduce((sum, { keptBytes }) => sum + keptBytes, 0);
    while (bytes > MAX_KEPT_BYTES) {
      const slowest = this.#renderings.shift()!;
      bytes -= slowest.keptBytes;
      slowest.cutOff();
    }
    const rendering = new Rendering(this.#takeBreak);
    this.#renderings.push(rendering);
    this.#running = rendering.run(this.#render());
    return rendering;
  }
}
