/** The text forms of a deadline in a header field. */

const SECONDS = /^\d{1,11}(?:\.\d+)?$/;
const MILLISECONDS = /^\d{12,}$/;
/** RFC 3339, section 5.6. */
const DATE_TIME =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ]((?:[01]\d|2[0-3]):[0-5]\d):(\d{2})(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;

/** The three accepted forms, for messages. */
export const DEADLINE_FORMS =
  'Unix seconds (1732154400.250), Unix milliseconds (1732154400250) or an RFC 3339 time (2024-11-21T02:00:00.25Z)';

/** @returns ms since the Unix epoch, or undefined when `text` is none of the three forms. */
export function parseDeadline(text: string): number | undefined {
  const value = text.trim();
  if (SECONDS.test(value)) return Number(value) * 1000;
  if (MILLISECONDS.test(value)) return Number(value);
  const fields = DATE_TIME.exec(value);
  if (fields === null) return undefined;
  const [, year, month, day, minutes, second, fraction = '', zone] = fields;
  // Date.parse rolls 30 February over to March; an instant that does not exist is refused instead.
  const daysInMonth = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate();
  if (Number(day) > daysInMonth) return undefined;
  // Unix time has no leap seconds: one is the second after it.
  const isLeap = second === '60';
  const epochMs = Date.parse(
    `${year}-${month}-${day}T${minutes}:${isLeap ? '59' : second}${fraction}${zone!.toUpperCase()}`,
  );
  if (Number.isNaN(epochMs)) return undefined;
  return isLeap ? epochMs + 1000 : epochMs;
}

/** In the year 5138: later ones could not be read as seconds. */
const LATEST_MS = 99_999_999_999_999;

/** As it is written for the upstream: Unix seconds with three decimals. */
export function formatDeadline(epochMs: number): string {
  const wholeMs = Math.round(Math.min(epochMs, LATEST_MS));
  const seconds = Math.floor(wholeMs / 1000);
  // `toFixed` takes five times as long.
  const digits = String(1000 + wholeMs - seconds * 1000);
  return `${seconds}.${digits.slice(1)}`;
}
