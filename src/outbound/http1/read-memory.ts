/** Memory for what is read from upstreams. It is used again: what the garbage collection is to free adds up to tens of MiB first. */
import type { Release } from '../../core/reply.js';

/** Most of what one read takes: a response of 100 KiB is mostly read, and then sent, as a whole. */
const READ_BYTES = 128 * 1024;

/** The shortest bytes that get a block of their own; shorter ones lie together in one of Node's. */
const LONG_BYTES = 4 * 1024;

/** Bytes of the blocks of one size that wait for their next use. */
const MAX_FREE_BYTES = 4 * 1024 * 1024;

/** What all sockets read into, made when the first one needs it. */
let readBuffer: Buffer | undefined;

/**
 * What a socket reads into: the same memory for all, because what was read is taken out of it before the next read of any
 * socket. So it stays in the processor's cache, as do the few blocks that bytes are copied to, and an idle connection has no
 * memory of its own. A block for each socket needed no copy, but with 64 connections each read went to memory that was not
 * in the cache: a response of 100 KiB took 15% longer.
 */
export function sharedReadBuffer(): Buffer {
  readBuffer ??= Buffer.allocUnsafeSlow(READ_BYTES);
  return readBuffer;
}

/** Blocks of one size. The one that was given back last is used next: it is still in the processor's cache. */
class Blocks {
  readonly bytes: number;
  readonly #free: Buffer[] = [];

  constructor(bytes: number) {
    this.bytes = bytes;
  }

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.bytes);
  }

  /** @returns what gives the block back. Of no effect a second time: two responses would lie in the same memory. */
  releaseOf(block: Buffer): Release {
    let isOut = true;
    return () => {
      if (!isOut) return;
      isOut = false;
      if ((this.#free.length + 1) * this.bytes <= MAX_FREE_BYTES) this.#free.push(block);
    };
  }
}

/** For all connections: which of them needs memory changes with each response. The last one has room for all that is read at once. */
const sizes = [16 * 1024, 48 * 1024, READ_BYTES].map((bytes) => new Blocks(bytes));

/** @param parts at most what one read takes, together. */
export function copyOf(
  parts: readonly Buffer[],
  handOver: (copy: Buffer, release?: Release) => void,
) {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  if (length < LONG_BYTES) return handOver(Buffer.concat(parts, length));
  const blocks = sizes.find(({ bytes }) => length <= bytes)!;
  const block = blocks.take();
  let at = 0;
  for (const part of parts) at += part.copy(block, at);
  handOver(block.subarray(0, length), blocks.releaseOf(block));
}
