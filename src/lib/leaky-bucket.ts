/**
 * A limit of calls per time: the continuous-state leaky bucket, used as a meter, of ITU-T Recommendation I.371 (the
 * Generic Cell Rate Algorithm). It needs no timer. Levels are whole numbers, so nothing is lost by rounding, however
 * many calls there are.
 */

/** One call in a level. As time is in µs, and rates are per hour, a level sinks by the rate in each µs. */
export const CALL = 3_600_000_000;

/** How many calls may pass. */
export interface Limit {
  readonly perHour: number;
  /** How many may pass at once after a long pause. */
  readonly burst: number;
}

/** The calls that were counted, less those whose time is over. */
export interface Bucket {
  level: number;
  /** When that was the level. */
  atUs: number;
}

/** Rates are decoded to calls per second. What a division has left is cut off: 10 per minute are 600 per hour. */
export const perHourOf = (perSecond: number) => Number((perSecond * 3600).toPrecision(12));

/** A limit that was lowered is used up, but not overdrawn. */
export function levelAt({ level, atUs }: Bucket, { perHour, burst }: Limit, nowUs: number): number {
  return Math.max(0, Math.min(level, burst * CALL) - Math.max(0, nowUs - atUs) * perHour);
}

/** How long until another call may pass, in µs; 0 when it may pass now. */
export const waitUs = (level: number, { perHour, burst }: Limit) =>
  Math.max(0, Math.ceil((level - (burst - 1) * CALL) / perHour));

/** How many calls may pass now. */
export const remaining = (level: number, { burst }: Limit) => Math.floor(burst - level / CALL);
