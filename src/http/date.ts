/** Instants in header fields (RFC 9110, section 5.6.7). */

/** The three forms. `Date.parse` accepts other texts as well, which are not HTTP dates. */
const FORMS = [
  /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/,
  /^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/,
  /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/,
];

/** @returns ms since the Unix epoch; undefined when `value` is not an HTTP date. */
export function parseHttpDate(value: string): number | undefined {
  const text = value.trim();
  if (!FORMS.some((form) => form.test(text))) return undefined;
  // The asctime form names no zone; it means GMT like the others.
  const epochMs = Date.parse(text.endsWith('GMT') ? text : `${text} GMT`);
  return Number.isNaN(epochMs) ? undefined : epochMs;
}
