/** `Retry-After`: seconds or one of the three forms of an HTTP date, never a negative wait and never NaN. */
import assert from 'node:assert/strict';
import { findRetryAfter, parseRetryAfter } from '../../../src/http/retry-after.js';
import type { Target } from '../target.js';

const NOW_MS = Date.UTC(2026, 10, 28, 12);

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** The three forms of RFC 9110, section 5.6.7, taken apart at their blanks. @returns ms, or undefined. */
function modelDate(text: string): number | undefined {
  const words = text.split(' ');
  const isAsctime = words.length >= 5 && !text.includes(',');
  // asctime puts a second blank in front of a day of one digit.
  if (isAsctime && words.length === 6 && words[2] === '') words.splice(2, 2, ` ${words[3]}`);
  if (isAsctime) {
    const [name = '', month = '', day = '', time = '', year = '', ...more] = words;
    if (!/^[A-Z][a-z]{2}$/.test(name) || more.length > 0 || year.length !== 4) return undefined;
    return instantOf(day.replace(' ', '0'), month, year, time);
  }
  if (words.at(-1) !== 'GMT') return undefined;
  if (words.length === 6) {
    const [name = '', day = '', month = '', year = '', time = ''] = words;
    if (!/^[A-Z][a-z]{2},$/.test(name) || year.length !== 4) return undefined;
    return instantOf(day, month, year, time);
  }
  const [name = '', date = '', time = ''] = words;
  const [day = '', month = '', year = '', ...more] = date.split('-');
  if (words.length !== 4 || more.length > 0 || !/^[A-Z][a-z]{5,8},$/.test(name)) return undefined;
  if (!/^[0-9]{2}$/.test(year)) return undefined;
  return instantOf(day, month, `${year < '50' ? 20 : 19}${year}`, time);
}

/** By way of RFC 3339, which V8 reads strictly but for days that a month does not have. */
function instantOf(day: string, name: string, year: string, time: string): number | undefined {
  const month = String(MONTHS.indexOf(name) + 1).padStart(2, '0');
  const isForm = [day, year].every((digits) => /^[0-9]+$/.test(digits)) && day.length === 2;
  if (!isForm || month === '00' || !/^[0-9]{2}:[0-9]{2}:[0-9]{2}$/.test(time)) return undefined;
  if (time.startsWith('24')) return undefined;
  const isLeap = time.endsWith(':60');
  const text = `${year}-${month}-${day}T${isLeap ? `${time.slice(0, -2)}59` : time}Z`;
  const instant = Date.parse(text);
  if (Number.isNaN(instant) || new Date(instant).getUTCDate() !== Number(day)) return undefined;
  return instant + (isLeap ? 1000 : 0);
}

export const retryAfter: Target = {
  name: 'retry-after',
  property:
    'A wait is a whole number of seconds from a text of digits, or lasts until the instant of an HTTP date; it is never negative and never NaN, and a text that is neither is no wait.',
  seeds: [
    '120',
    '1.5',
    'Sun, 06 Nov 2026 08:49:37 GMT',
    'Sunday, 06-Nov-27 08:49:37 GMT',
    'Sun Nov  6 08:49:37 2027',
    ' 007 ',
    'Sun, 06 Nov 2026 24:00:00 GMT',
    'Sun, 06 Nov 2026 08:49:64 GMT',
    'Mon, 30 Feb 2026 23:59:60 GMT',
  ],
  words: [
    'Mon',
    'Feb',
    '29',
    '30',
    '31',
    '2027',
    '2028',
    '24:00:00',
    '23:59:60',
    ' GMT',
    ', ',
    '-',
    '.0',
    '.01',
    '0000',
    '9999',
    '99999999999999999999',
  ],
  longest: 64,
  check(input) {
    const text = input.toString('latin1');
    const waitMs = parseRetryAfter(text, NOW_MS);
    assert.equal(findRetryAfter(['x', '1', 'ReTry-After', text], NOW_MS), waitMs);
    const trimmed = text.trim();
    if (/^[0-9]+(?:\.[0-9]+)?$/.test(trimmed)) {
      const [whole, fraction = ''] = trimmed.split('.');
      const seconds =
        Number(whole) + (Number(`0.${fraction}0`) > 0 || /[1-9]/.test(fraction) ? 1 : 0);
      return assert.equal(waitMs, seconds * 1000);
    }
    const instant = modelDate(trimmed);
    assert.equal(waitMs, instant === undefined ? undefined : Math.max(0, instant - NOW_MS));
  },
};
