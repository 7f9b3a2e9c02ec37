/** Memory that sockets read into. It is used again: what the garbage collection is to free adds up to tens of MiB first. */
import type { Release } from '../../core/reply.js';

/**
 * What a socket reads into. Small responses only ever touch its first page. A response of 100 KiB is mostly read, and then
 * sent, as a whole: with 64 KiB it took two reads, two writes and a stop of the reading, and 12% more time.
 */
export const READ_BYTES = 128 * 1024;

/** Room for bytes that are copied out of there. */
const COPY_BYTES = 16 * 1024;

/** The shortest bytes that get a block of their own; shorter ones lie together in one of Node's. */
const LONG_BYTES = 4 * 1024;

/** Pieces of at least this length are not copied. */
export const COPIED_BYTES = 16 * 1024;

/** Bytes of the blocks of one size that wait for their next use. */
const MAX_FREE_BYTES = 4 * 1024 * 1024;

const NOTHING = Buffer.alloc(0);

class Blocks {
  readonly #bytes: number;
  readonly #free: Buffer[] = [];

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#bytes);
  }

  give(block: Buffer): void {
    if ((this.#free.length + 1) * this.#bytes <= MAX_FREE_BYTES) this.#free.push(block);
  }

  /** @returns what gives the block back. Of no effect a second time: two sockets would read into the same memory. */
  releaseOf(block: Buffer): Release {
    let isOut = true;
    return () => {
      if (!isOut) return;
      isOut = false;
      this.give(block);
    };
  }
}

/** For all connections: which of them needs memory changes with each response. */
const readBlocks = new Blocks(READ_BYTES);
const copyBlocks = new Blocks(COPY_BYTES);

/** What one socket reads into. */
export class ReadMemory {
  #block = readBlocks.take();

  get current(): Buffer {
    return this.#block;
  }

  /** What was read stays as it is: the socket reads into other memory from now on. @returns what gives it back. */
  readonly keep = (): Release => {
    const release = readBlocks.releaseOf(this.#block);
    this.#block = readBlocks.take();
    return release;
  };

  /** The socket reads no more. */
  readonly close = (): void => {
    if (this.#block === NOTHING) return;
    readBlocks.give(this.#block);
    this.#block = NOTHING;
  };
}

/** @param parts at most `READ_BYTES` together. */
export function copyOf(
  parts: readonly Buffer[],
  handOver: (copy: Buffer, release?: Release) => void,
) {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  if (length < LONG_BYTES) return handOver(Buffer.concat(parts, length));
  const blocks = length <= COPY_BYTES ? copyBlocks : readBlocks;
  const block = blocks.take();
  let at = 0;
  for (const part of parts) at += part.copy(block, at);
  handOver(block.subarray(0, length), blocks.releaseOf(block));
}

/** Bytes that may be kept. @param keep as that of `OnRead`: called where a copy costs more than new memory for the next piece. */
export function retain(bytes: Buffer, keep: () => unknown): Buffer {
  if (bytes.length < COPIED_BYTES) return Buffer.from(bytes);
  keep();
  return bytes;
}
