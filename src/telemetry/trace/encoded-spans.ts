/** Spans that are encoded, but not in a request yet. */

/** Spans that are encoded in one turn: more would hold up calls. */
export const PART = 64;

/** Most spans of a request, which costs as much as many spans do. */
export const BATCH = 1024;

/** Longest request of several parts, in bytes: proxies in front of collectors refuse longer ones (nginx by default). */
export const MAX_BYTES = 1024 * 1024;

interface Part {
  readonly bytes: Uint8Array;
  readonly spans: number;
}

/** What goes into one request. */
export interface Parcel {
  readonly parts: readonly Uint8Array[];
  readonly spans: number;
}

export class EncodedSpans {
  /** Oldest first. */
  readonly #parts: Part[] = [];
  #spans = 0;
  #bytes = 0;

  /** How many spans there are. */
  get count(): number {
    return this.#spans;
  }

  /** There is enough for a request. */
  get isFull(): boolean {
    return this.#spans >= BATCH || this.#bytes >= MAX_BYTES;
  }

  add(bytes: Uint8Array, spans: number): void {
    this.#parts.push({ bytes, spans });
    this.#spans += spans;
    this.#bytes += bytes.length;
  }

  /** @returns what fits into one request, at least one part. */
  take(): Parcel {
    const parts: Uint8Array[] = [];
    let spans = 0;
    let bytes = 0;
    for (const part of this.#parts) {
      const isTooMuch = spans + part.spans > BATCH || bytes + part.bytes.length > MAX_BYTES;
      if (parts.length > 0 && isTooMuch) break;
      parts.push(part.bytes);
      spans += part.spans;
      bytes += part.bytes.length;
    }
    this.#parts.splice(0, parts.length);
    this.#spans -= spans;
    this.#bytes -= bytes;
    return { parts, spans };
  }

  clear(): void {
    this.#parts.length = 0;
    this.#spans = 0;
    this.#bytes = 0;
  }
}
