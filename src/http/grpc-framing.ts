/** Where messages of a gRPC body begin and end: each has a prefix of five bytes, a flag and its length. */

const PREFIX_BYTES = 5;

/** Looks at the prefixes only: a chunk inside one message costs one comparison. */
export class GrpcFraming {
  /** Bytes that are still to come of the message. */
  #rest = 0;
  /** Bytes of the prefix that are here. */
  #prefixBytes = 0;
  #length = 0;

  /** Not inside a message: other fields may follow. */
  get isBetween(): boolean {
    return this.#rest === 0 && this.#prefixBytes === 0;
  }

  /** The next piece of the body. */
  follow(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#rest > 0) {
        const taken = Math.min(this.#rest, chunk.length - at);
        this.#rest -= taken;
        at += taken;
        continue;
      }
      // The first byte is the flag.
      if (this.#prefixBytes > 0) this.#length = this.#length * 256 + chunk[at]!;
      this.#prefixBytes += 1;
      at += 1;
      if (this.#prefixBytes < PREFIX_BYTES) continue;
      this.#rest = this.#length;
      this.#prefixBytes = 0;
      this.#length = 0;
    }
  }
}
