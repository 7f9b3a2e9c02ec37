/** Instants in header fields (RFC 9110, section 5.6.7). */

/** IMF-fixdate, then the forms of RFC 850 and of asctime, which names no zone but means GMT like the others. */
const FORMS = [
  /^[A-Z][a-z]{2}, (?<day>\d{2}) (?<month>[A-Z][a-z]{2}) (?<year>\d{4}) (?<time>\d{2}:\d{2}:\d{2}) GMT$/,
  /^[A-Z][a-z]{5,8}, (?<day>\d{2})-(?<month>[A-Z][a-z]{2})-(?<year>\d{2}) (?<time>\d{2}:\d{2}:\d{2}) GMT$/,
  /^[A-Z][a-z]{2} (?<month>[A-Z][a-z]{2}) (?<day>[ \d]\d) (?<time>\d{2}:\d{2}:\d{2}) (?<year>\d{4})$/,
];

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Two digits stand for 1950 to 2049. */
function yearOf(digits: string): number {
  const year = Number(digits);
  if (digits.length > 2) return year;
  return year < 50 ? 2000 + year : 1900 + year;
}

/** @returns ms since the Unix epoch; undefined when `value` is not an HTTP date, or a day or time that does not exist. */
export function parseHttpDate(value: string): number | undefined {
  const text = value.trim();
  let parts: Record<string, string> | undefined;
  for (const form of FORMS) parts ??= form.exec(text)?.groups;
  if (parts === undefined) return undefined;
  const month = MONTHS.indexOf(parts['month']!);
  if (month === -1) return undefined;
  const day = Number(parts['day']);
  const [hour, minute, second] = parts['time']!.split(':').map(Number) as [number, number, number];
  // 60: a leap second. Unix time has none, so that it is the second after it.
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  // Not by `Date.UTC`, which takes the years up to 99 for others.
  const date = new Date(0);
  date.setUTCFullYear(yearOf(parts['year']!), month, day);
  // A day that does not exist, such as 30 February, has become another one.
  if (date.getUTCDate() !== day) return undefined;
  return date.setUTCHours(hour, minute, second);
}
