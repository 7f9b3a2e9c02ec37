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
  ];
  for (const value of others) t.equal(parseRetryAfter(value, nowMs), undefined, value);
});

t.test('finds the field in whatever case', async (t) => {
  t.equal(findRetryAfter(['Date', '7', 'RETRY-after', '5'], nowMs), 5000);
  t.equal(findRetryAfter(['X', 'Retry-After'], nowMs), undefined);
  t.equal(findRetryAfter([], nowMs), undefined);
});
