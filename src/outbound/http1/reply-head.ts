/** Checks the head of a response for what cannot be passed on with its meaning. */
import { combinedValue, firstValue, type Fields } from '../../http/fields.js';
import type { ResponseHead } from '../client.js';

const isBlank = (code: number) => code === 0x20 || code === 0x09;

/** Removes the blanks after values, which llhttp leaves there (RFC 9112, section 5.1). */
export function trimmed(fields: string[]): Fields {
  for (let i = 1; i < fields.length; i += 2) {
    const value = fields[i]!;
    if (isBlank(value.charCodeAt(value.length - 1))) fields[i] = value.replace(/[ \t]+$/, '');
  }
  return fields;
}

/** RFC 9112, section 4. */
const REASON_PHRASE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** What llhttp lets through although it could not be passed on with its meaning; undefined for a sound head. */
export function findFault(
  { status, statusText, headers }: ResponseHead,
  isAgreed: boolean,
): string | undefined {
  if (status < 100) return `bad response: status ${status}`;
  if (!REASON_PHRASE.test(statusText))
    return 'bad response: control characters in its reason phrase';
  if (status === 101 && !isAgreed) return 'bad upgrade: 101 without an agreed protocol';
  // Breakwater does not undo other codings, and a second field adds one to that of the first.
  // Parsers do not agree on what an empty field means, so it is none of the two.
  if (firstValue(headers, 'transfer-encoding') === undefined) return undefined;
  const codings = combinedValue(headers, 'transfer-encoding') ?? '';
  return codings.toLowerCase() === 'chunked'
    ? undefined
    : `bad response: Transfer-Encoding ${codings || 'without a value'}`;
}
