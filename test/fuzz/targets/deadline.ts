/** `X-Deadline`: what is read is an instant that a plain model knows too, and survives being written. */
import assert from 'node:assert/strict';
import { formatDeadline, parseDeadline } from '../../../src/http/deadline.js';
import type { Target } from '../target.js';

/** Days since the Unix epoch (Hinnant, days_from_civil): no `Date` is involved. */
function daysOf(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return (
    era * 146_097 +
    yearOfEra * 365 +
    Math.floor(yearOfEra / 4) -
    Math.floor(yearOfEra / 100) +
    dayOfYear -
    719_468
  );
}

const isLeap = (year: number) => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;

const daysIn = (year: number, month: number) =>
  month === 2 ? (isLeap(year) ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31;

/** RFC 3339, section 5.6, read from left to right. @returns ms, or undefined. */
function modelTime(text: string): number | undefined {
  const match = /^(....)-(..)-(..)[Tt ](..):(..):(..)(\.[0-9]+)?([Zz]|([+-])(..):(..))$/s.exec(
    text,
  );
  if (match === null) return undefined;
  const digits = [1, 2, 3, 4, 5, 6].map((group) => match[group]!);
  const zone = match[9] === undefined ? [] : [match[10]!, match[11]!];
  if (![...digits, ...zone].every((part) => /^[0-9]+$/.test(part))) return undefined;
  const [year, month, day, hour, minute, second] = digits.map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const [zoneHour = 0, zoneMinute = 0] = zone.map(Number);
  const isDate = month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month);
  const isTime = hour <= 23 && minute <= 59 && second <= 60 && zoneHour <= 23 && zoneMinute <= 59;
  if (!isDate || !isTime) return undefined;
  const offset = (match[9] === '-' ? -1 : 1) * (zoneHour * 60 + zoneMinute);
  const seconds = daysOf(year, month, day) * 86_400 + hour * 3600 + (minute - offset) * 60 + second;
  return seconds * 1000 + Number(`0${match[7] ?? ''}`) * 1000;
}

/** @returns ms, or undefined. */
function model(text: string): number | undefined {
  const [whole = '', fraction, ...more] = text.split('.');
  const isNumber = [whole, ...(fraction === undefined ? [] : [fraction])].every((part) =>
    /^[0-9]+$/.test(part),
  );
  if (!isNumber || more.length > 0) return modelTime(text);
  if (whole.length <= 11) return Number(text) * 1000;
  return fraction === undefined ? Number(text) : undefined;
}

export const deadline: Target = {
  name: 'deadline',
  property:
    'A text is read as a deadline exactly if a model of the three forms reads it, and as the same instant; what is written for it is read as that instant again, to half a millisecond.',
  seeds: [
    '1732154400.250',
    '1732154400250',
    '2024-11-21T02:00:00.25Z',
    '2016-12-31t23:59:60+02:30',
    '2024-02-29 00:00:00-00:00',
  ],
  words: [
    '2024',
    '-02-29',
    'T',
    't',
    ' ',
    'Z',
    'z',
    '+23:59',
    '-00:00',
    ':60',
    '24:00',
    '.',
    '0000',
    '9999',
    '1e3',
    '\xa0',
  ],
  longest: 64,
  check(input) {
    const text = input.toString('latin1');
    const read = parseDeadline(text);
    const expected = model(text.trim());
    assert.equal(read === undefined, expected === undefined, `model: ${expected}, read: ${read}`);
    if (read === undefined || expected === undefined) return;
    assert.ok(!Number.isNaN(read));
    // Date.parse cuts fractions of a millisecond.
    assert.ok(Math.abs(read - expected) < 1.001 || read === expected, `${read}, not ${expected}`);
    if (read < 0 || !Number.isFinite(read)) return;
    const written = formatDeadline(read);
    const again = parseDeadline(written);
    assert.match(written, /^[0-9]{1,11}\.[0-9]{3}$/);
    assert.ok(again !== undefined && again <= read + 0.5, `${written} is read as ${again}`);
    if (read < 1e14 - 1) assert.ok(Math.abs(again - read) <= 0.5001, `${written} for ${read}`);
  },
};
