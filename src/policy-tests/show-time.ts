/** Times in the results of policy tests. */

const SECOND_MS = 1000;

/** `30ms`, `30.3s`; to a thousandth of a second, or of a millisecond below one second. */
export function showTime(ms: number): string {
  const isShort = ms < SECOND_MS;
  const value = isShort ? ms : ms / SECOND_MS;
  return `${Number(value.toFixed(3))}${isShort ? 'ms' : 's'}`;
}
