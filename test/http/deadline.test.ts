import t from 'tap';
import { formatDeadline, parseDeadline } from '../../src/http/deadline.js';

t.test('reads Unix seconds with an optional fraction', async (t) => {
  t.equal(parseDeadline('1732154400'), 1_732_154_400_000);
  t.equal(parseDeadline('1732154400.250'), 1_732_154_400_250);
  t.equal(parseDeadline(' 1732154400.5 '), 1_732_154_400_500);
  t.equal(parseDeadline('99999999999'), 99_999_999_999_000, '11 digits are seconds');
});

t.test('reads an integer of 12 digits or more as Unix milliseconds', async (t) => {
  t.equal(parseDeadline('1732154400250'), 1_732_154_400_250);
  t.equal(parseDeadline('100000000000'), 100_000_000_000);
  t.equal(parseDeadline('9000000000000000'), 9_000_000_000_000_000, '16 digits too');
  t.equal(parseDeadline('17321544002500000000'), 17_321_544_002_500_000_000, '20 as well');
});

t.test('reads RFC 3339 times', async (t) => {
  const epochMs = 1_732_154_400_250;
  t.equal(parseDeadline('2024-11-21T02:00:00.25Z'), epochMs);
  t.equal(parseDeadline('2024-11-21t02:00:00.250z'), epochMs);
  t.equal(parseDeadline('2024-11-21 02:00:00.25Z'), epochMs);
  t.equal(parseDeadline('2024-11-21T04:30:00.25+02:30'), epochMs);
  t.equal(parseDeadline('2024-11-20T19:00:00.25-07:00'), epochMs);
  t.equal(parseDeadline('2024-02-29T00:00:00Z'), Date.UTC(2024, 1, 29));
  t.equal(parseDeadline('2016-12-31T23:59:60Z'), Date.UTC(2017, 0, 1), 'a leap second');
});

t.test('refuses everything else', async (t) => {
  const others = [
    '',
    'soon',
    '-1732154400',
    '1e9',
    '+1732154400',
    '1732154400.',
    '0x6743',
    '173215440000.5',
    '1732154400, 1732154401',
    '2024-11-21',
    '2024-11-21T02:00:00',
    '2024-11-21T02:00Z',
    '2024-13-01T00:00:00Z',
    '2024-11-00T00:00:00Z',
    '2024-11-21T24:00:00Z',
    '2024-11-21T02:60:00Z',
    '2024-11-21T02:00:61Z',
    '2023-02-29T00:00:00Z',
    '2024-11-31T00:00:00Z',
    'Thu, 21 Nov 2024 02:00:00 GMT',
  ];
  for (const text of others) t.equal(parseDeadline(text), undefined, JSON.stringify(text));
});

t.test('writes seconds with three decimals', async (t) => {
  t.equal(formatDeadline(1_732_154_404_950), '1732154404.950');
  t.equal(formatDeadline(1_732_154_405_000), '1732154405.000');
});

t.test('reads what it writes', async (t) => {
  t.equal(parseDeadline(formatDeadline(1_732_154_404_950)), 1_732_154_404_950);
});
