/** The notation of durations. */

/** One or several parts, the larger unit first: `250ms`, `1.5s`, `1m30s`, `1h`. */
export const DURATION_PATTERN =
  '^(?=\\d)(\\d+(\\.\\d+)?h)?(\\d+(\\.\\d+)?m(?!s))?(\\d+(\\.\\d+)?s)?(\\d+(\\.\\d+)?ms)?$';

/** In ms, from the smallest on. */
export const durationUnits = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

type UnitName = keyof typeof durationUnits;

const expression = new RegExp(DURATION_PATTERN);

/** @returns ms; undefined where the text is no duration. */
export function parseDuration(text: string): number | undefined {
  if (!expression.test(text)) return undefined;
  let sumMs = 0;
  for (const [, amount, name] of text.matchAll(/([\d.]+)([a-z]+)/g)) {
    sumMs += Number(amount) * durationUnits[name as UnitName];
  }
  return sumMs;
}

/** In the largest unit that needs no fraction. */
export function formatDuration(ms: number): string {
  let best = `${ms}ms`;
  if (ms === 0) return best;
  for (const [name, unit] of Object.entries(durationUnits)) {
    if (ms % unit === 0) best = `${ms / unit}${name}`;
  }
  return best;
}
