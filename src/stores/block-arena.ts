/** Memory that is allocated once and used again: what is freed in it needs no garbage collection to be free. */

/** Small enough for a lock to waste little, large enough for a body of 1 MiB to be copied quickly. */
export const BLOCK_BYTES = 512;

const MAX_SEGMENT_BLOCKS = 512;

/** The last block of a value. */
const NONE = -1;

interface Segment {
  readonly bytes: Buffer;
  /** For each block the number of the next one of its value, or of the next free one. */
  readonly next: Int32Array;
}

/** Values lie in chains of blocks. A chain is known by the number of its first block. */
export class BlockArena {
  readonly #segmentBlocks: number;
  readonly #segments: Segment[] = [];
  #free = NONE;

  /** @param maxBytes what it will hold at most; only its segments depend on it, the bound is the caller's to keep. */
  constructor(maxBytes: number) {
    const share = Math.floor(maxBytes / BLOCK_BYTES / 16);
    this.#segmentBlocks = Math.max(1, Math.min(share, MAX_SEGMENT_BLOCKS));
  }

  /** Bytes that a value of `length` bytes takes. */
  static sizeOf(length: number): number {
    return Math.ceil(length / BLOCK_BYTES) * BLOCK_BYTES;
  }

  /** @returns the number of the first block, which `read` and `free` want. */
  write(parts: readonly Uint8Array[]): number {
    let first = NONE;
    let last: { segment: Segment; index: number } | undefined;
    let room = 0;
    for (const part of parts) {
      for (let at = 0; at < part.length;) {
        if (room === 0) {
          const block = this.#take();
          if (last === undefined) first = block;
          else last.segment.next[last.index] = block;
          last = this.#at(block);
          room = BLOCK_BYTES;
        }
        const { segment, index } = last!;
        const length = Math.min(room, part.length - at);
        segment.bytes.set(part.subarray(at, at + length), (index + 1) * BLOCK_BYTES - room);
        at += length;
        room -= length;
      }
    }
    if (last !== undefined) last.segment.next[last.index] = NONE;
    return first;
  }

  /** @returns a copy of the `length` bytes that were written. */
  read(first: number, length: number): Buffer {
    const value = Buffer.allocUnsafe(length);
    let block = first;
    for (let at = 0; at < length; at += BLOCK_BYTES) {
      const { segment, index } = this.#at(block);
      const start = index * BLOCK_BYTES;
      segment.bytes.copy(value, at, start, start + Math.min(BLOCK_BYTES, length - at));
      block = segment.next[index]!;
    }
    return value;
  }

  free(first: number): void {
    let block = first;
    while (block !== NONE) {
      const { segment, index } = this.#at(block);
      const next = segment.next[index]!;
      segment.next[index] = this.#free;
      this.#free = block;
      block = next;
    }
  }

  #take(): number {
    if (this.#free === NONE) this.#grow();
    const block = this.#free;
    const { segment, index } = this.#at(block);
    this.#free = segment.next[index]!;
    return block;
  }

  #grow(): void {
    const count = this.#segmentBlocks;
    const base = this.#segments.length * count;
    const next = new Int32Array(count);
    for (let i = 0; i < count; i++) next[i] = i + 1 < count ? base + i + 1 : NONE;
    this.#segments.push({ bytes: Buffer.allocUnsafeSlow(count * BLOCK_BYTES), next });
    this.#free = base;
  }

  #at(block: number): { segment: Segment; index: number } {
    const segment = this.#segments[Math.floor(block / this.#segmentBlocks)]!;
    return { segment, index: block % this.#segmentBlocks };
  }
}
