/** A request's body as the policies and the attempts see it: read from the client once, sent by each attempt that needs it. */
import type { Fields } from '../http/fields.js';

/** The beginning of a body. */
export interface BodyStart {
  readonly bytes: Uint8Array;
  /** It is all there is. */
  readonly isWhole: boolean;
}

/** Takes a body's bytes on behalf of one attempt. */
export interface BodyReader {
  /** @returns false when it is behind; it calls the cursor's `demand` when it has caught up. */
  offer(chunk: Buffer): boolean;
  /** That was the last of it. */
  onBodyEnd(): void;
}

/** One attempt's way through the body, from the first byte. */
export interface BodyCursor {
  /** All of the body has come from the client. */
  readonly hasEnded: boolean;
  /** The body's length as its request announces it; undefined for a body of unknown length. */
  readonly length: number | undefined;
  /** Fields after the last byte; empty until the body has ended. */
  readonly trailers: Fields;
  /** All of it, where it is here and no trailers follow; undefined where it has to be read with `sendTo`. */
  takeWhole(): Buffer | undefined;
  /** Hands over what is remembered first, then what still comes. Once only. */
  sendTo(reader: BodyReader): void;
  /** The reader takes bytes again. */
  demand(): void;
  /** The attempt wants nothing more. */
  close(): void;
}

/** Several attempts may read it at the same time; the slowest of them sets the pace. */
export interface RequestBody {
  /** The whole body can be sent again from its first byte. */
  readonly isReplayable: boolean;
  /**
   * Reads from the client before any attempt does, and remembers what it reads for the attempts.
   * @returns the body, or, where it is longer than `limit`, at least `limit` bytes of its beginning. Never settles
   * when the client leaves: the call is cancelled then.
   */
  readAhead(limit: number): Promise<BodyStart>;
  /** For one attempt. */
  open(): BodyCursor;
  /**
   * Other attempts are about to follow: the cursors there are get nothing more. What they went on to read might no longer
   * be remembered for the others.
   */
  closeCursors(): void;
}
