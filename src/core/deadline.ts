/** An absolute instant by which a call must be over. */

export interface Deadline {
  /** Monotonic ms. */
  readonly atMs: number;
  /** The same instant in ms since the Unix epoch, as it is told to the upstream. */
  readonly wallMs: number;
  /** What set it: the caller's header or `timeout.total`. */
  readonly source: 'header' | 'total';
  /** Monotonic ms of the caller's header, Infinity without one; not before `atMs`. */
  readonly callerAtMs: number;
  /** How much earlier the upstream should finish, in ms. */
  readonly bufferMs: number;
}

/** The end that the upstream is told, in ms since the Unix epoch: `bufferMs` before the deadline. */
export function upstreamWallMs(deadline: Deadline): number {
  return deadline.wallMs - deadline.bufferMs;
}

/** Ms that an upstream may still take, buffer deducted; 0 or less when no attempt should start any more. */
export function usableMs(deadline: Deadline, nowMs: number): number {
  return deadline.atMs - nowMs - deadline.bufferMs;
}
