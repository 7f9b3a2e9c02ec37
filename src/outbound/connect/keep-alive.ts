/** How long an idle connection is kept: Breakwater closes it before the upstream does. */
import { firstValue, type Fields } from '../../http/fields.js';

/** How long an idle connection is kept where its upstream does not say, in ms: less than what servers commonly do. */
const KEEP_ALIVE_MS = 4000;
/** How much sooner than it says. */
const KEEP_ALIVE_MARGIN_MS = 2000;
const MAX_KEEP_ALIVE_MS = 600_000;

/** `Keep-Alive: timeout=5` in ms (RFC 2068, section 19.7.1.1); undefined where there is none. */
export function keepAliveOf(headers: Fields): number | undefined {
  const value = firstValue(headers, 'keep-alive');
  if (value === undefined) return undefined;
  const seconds = /timeout=(\d+)/.exec(value)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}

/** In ms; not above 0 where it is not worth keeping. @param announcedMs what the upstream says. */
export function keepMs(announcedMs: number | undefined): number {
  if (announcedMs === undefined) return KEEP_ALIVE_MS;
  return Math.min(announcedMs - KEEP_ALIVE_MARGIN_MS, MAX_KEEP_ALIVE_MS);
}
