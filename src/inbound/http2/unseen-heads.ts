/** Counts the heads that the library has refused: it resets their streams, and says nothing but the highest number of a stream. */

/** RFC 9113, section 4.1: no frame is shorter. */
const FRAME_HEAD_BYTES = 9;

/** What is known of a connection so far. */
export interface Arrived {
  /** The highest number of a stream that the library has come to. */
  readonly lastStreamId: number;
  /** Streams that were handed over. */
  readonly taken: number;
  /** All that the client has sent. */
  readonly bytes: number;
}

export class UnseenHeads {
  #taken = 0;
  #bytes = 0;
  /** Numbers of streams that were not handed over. */
  #missing = 0;

  /**
   * A client may leave numbers out (RFC 9113, section 5.1.1). So there were no more heads than fit into what it has sent.
   *
   * @returns how many there were since the last call, at most.
   */
  countNew({ lastStreamId, taken, bytes }: Arrived): number {
    const missing = Math.ceil(lastStreamId / 2) - taken;
    const room = Math.floor((bytes - this.#bytes) / FRAME_HEAD_BYTES) - (taken - this.#taken);
    const count = Math.min(missing - this.#missing, room);
    this.#missing = Math.max(this.#missing, missing);
    this.#taken = taken;
    this.#bytes = bytes;
    return Math.max(0, count);
  }
}
