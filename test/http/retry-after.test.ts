import t from 'tap';
import { findRetryAfter, parseRetryAfter } from '../../src/http/retry-after.js';
import { FakeClock } from '../support/fake-clock.js';

/** Stands at Fri, 15 Jan 2027 08:00:00 GMT. */
const nowMs = new FakeClock().wallNow();

t.test('reads seconds', async (t) => {
  t.equal(parseRetryAfter('0', nowMs), 0);
  t.equal(parseRetryAfter(' 120 ', nowMs), 120_000);
  t.equal(parseRetryAfter('007', nowMs), 7000);
});

t.test('reads seconds of any number of digits', async (t) => {
  t.equal(parseRetryAfter('99999999999', nowMs), 99_999_999_999_000);
  t.ok(parseRetryAfter('9'.repeat(30), nowMs)! > 1e30);
  t.equal(parseRetryAfter('9'.repeat(400), nowMs), Infinity);
  t.equal(parseRetryAfter(`${'0'.repeat(400)}5`, nowMs), 5000);
});

t.test('rounds a fraction up', async (t) => {
  t.equal(parseRetryAfter('1.5', nowMs), 2000);
  t.equal(parseRetryAfter('0.2', nowMs), 1000);
  t.equal(parseRetryAfter('3.000', nowMs), 3000);
  t.equal(parseRetryAfter(`2.${'0'.repeat(40)}1`, nowMs), 3000);
});

t.test('reads the three forms of an HTTP date as time from now', async (t) => {
  t.equal(parseRetryAfter('Fri, 15 Jan 2027 08:00:10 GMT', nowMs), 10_000);
  t.equal(parseRetryAfter('Friday, 15-Jan-27 08:00:10 GMT', nowMs), 10_000);
  t.equal(parseRetryAfter('Fri Jan 15 08:00:10 2027', nowMs), 10_000);
  t.equal(parseRetryAfter('Fri Jan  1 08:00:10 2027', nowMs), 0);
});

t.test('goes by the wall clock as it stands', async (t) => {
  const later = new FakeClock();
  await later.advance(4000);
  t.equal(parseRetryAfter('Fri, 15 Jan 2027 08:00:10 GMT', later.wallNow()), 6000);
});

t.test('takes a date that is past for now', async (t) => {
  t.equal(parseRetryAfter('Sun, 06 Nov 1994 08:49:37 GMT', nowMs), 0);
});

t.test('takes a leap second for the second after it', async (t) => {
  t.equal(
    parseRetryAfter('Thu, 31 Dec 2026 23:59:60 GMT', Date.UTC(2026, 11, 31, 23, 59, 50)),
    10_000,
  );
});

t.test('reads years of two digits as 1950 to 2049', async (t) => {
  t.equal(parseRetryAfter('Saturday, 01-Jan-49 00:00:00 GMT', Date.UTC(2048, 11, 31)), 86_400_000);
  t.equal(parseRetryAfter('Sunday, 01-Jan-50 00:00:00 GMT', Date.UTC(1949, 11, 31)), 86_400_000);
});

t.test('knows nothing else', async (t) => {
  const others = [
    '',
    '-1',
    '.',
    '1.',
    '1.5.2',
    '1e3',
    '0x10',
    '1,5',
    '10s',
    'soon',
    '2027-01-15T08:00:10Z',
    '15 Jan 2027',
    'Fri, 15 Jan 2027 25:00:00 GMT',
    'Fri, 15 Jan 2027 08:00:10 PST',
    'Fri, 15 Jab 2027 08:00:10 GMT',
    'Fri, 15 Jan 2027 08:60:10 GMT',
    'Fri, 15 Jan 2027 08:00:61 GMT',
    'Mon, 30 Feb 2026 08:00:10 GMT',
    'Mon, 00 Feb 2027 08:00:10 GMT',
    'Thursday, 31-Apr-26 08:00:10 GMT',
    'Sun Feb 29 08:00:10 2027',
  ];
  for (const value of others) t.equal(parseRetryAfter(value, nowMs), undefined, value);
});

t.test('finds the field in whatever case', async (t) => {
  t.equal(findRetryAfter(['Date', '7', 'RETRY-after', '5'], nowMs), 5000);
  t.equal(findRetryAfter(['X', 'Retry-After'], nowMs), undefined);
  t.equal(findRetryAfter([], nowMs), undefined);
});
