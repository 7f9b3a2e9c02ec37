/** Durations, sizes, shares and rates have one notation. */
import * as fc from 'fast-check';
import t from 'tap';
import { formatQuantity, parseQuantity, suggestQuantities } from '../../src/config/schema/units.js';

void t.test('reads each unit', (t) => {
  const read = {
    duration: { '250ms': 250, '1.5s': 1500, '2m': 120_000, '1h': 3_600_000, '0s': 0 },
    size: { '512B': 512, '64KiB': 65_536, '1.5MiB': 1_572_864, '1GiB': 1_073_741_824 },
    share: { '20%': 0.2, '0.5%': 0.005, '100%': 1 },
    rate: { '100/s': 100, '30/m': 0.5, '1.5/s': 1.5, '3600/h': 1, '0/s': 0 },
  } as const;
  for (const [unit, texts] of Object.entries(read)) {
    for (const [text, value] of Object.entries(texts)) {
      t.equal(parseQuantity(unit as keyof typeof read, text), value, text);
    }
  }
  t.end();
});

void t.test('refuses all else', (t) => {
  for (const text of ['', '10', '10 s', '-1s', '1e3s', '10S', '.5s', '1.s', '1KiB', '10s\n']) {
    t.equal(parseQuantity('duration', text), undefined, JSON.stringify(text));
  }
  for (const text of ['100', '100/d', '100/S', '/s', '100s', '100/sec', '100 / s', '-1/s']) {
    t.equal(parseQuantity('rate', text), undefined, JSON.stringify(text));
  }
  t.end();
});

void t.test('writes what it reads back', (t) => {
  fc.assert(
    fc.property(fc.constantFrom('duration', 'size'), fc.nat(), (unit, value) => {
      t.equal(parseQuantity(unit, formatQuantity(unit, value)), value);
    }),
  );
  t.equal(formatQuantity('duration', 90_000), '90s');
  t.equal(formatQuantity('duration', 120_000), '2m');
  t.equal(formatQuantity('size', 1536), '1536B');
  t.equal(formatQuantity('share', 0.07), '7%');
  t.equal(formatQuantity('rate', 100), '100/s');
  t.equal(formatQuantity('rate', 10 / 60), '10/m');
  t.equal(formatQuantity('rate', 7 / 3600), '7/h');
  t.equal(formatQuantity('rate', 1.0001), '1.0001/s');
  t.end();
});

void t.test('suggests what was meant', (t) => {
  const suggested = [
    ['duration', '10', ['10s', '10ms']],
    ['duration', '500', ['500ms', '500s']],
    ['duration', '.5', ['0.5s', '0.5ms']],
    ['duration', '10S', ['10s']],
    ['duration', '2 minutes', ['2m']],
    ['duration', 'constructor', []],
    ['duration', '5 constructor', []],
    ['duration', 'soon', []],
    ['size', '64', ['64KiB', '64MiB']],
    ['size', '65536', ['65536B', '64KiB']],
    ['size', '64k', ['64KiB']],
    ['share', '0.2', ['20%', '0.2%']],
    ['share', '20', ['20%', '2000%']],
    ['share', '20 percent', ['20%']],
    ['rate', '100', ['100/s', '100/m']],
    ['rate', '100 / s', ['100/s']],
    ['rate', '100/sec', ['100/s']],
    ['rate', '100 per minute', ['100/m']],
    ['rate', '100rps', ['100/s']],
    ['rate', '100/S', ['100/s']],
    ['rate', '100/day', []],
    ['rate', '100s', []],
  ] as const;
  for (const [unit, text, expected] of suggested) {
    t.strictSame(suggestQuantities(unit, text), expected, `${unit} ${text}`);
  }
  t.end();
});
