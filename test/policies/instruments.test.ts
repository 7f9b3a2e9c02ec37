/** What holds for the metrics of all policies. */
import t from 'tap';
import type { Instrument } from '../../src/core/instruments.js';
import { policies } from '../../src/policies/index.js';

const instruments: readonly Instrument[] = policies.flatMap((policy) =>
  'instruments' in policy ? (policy.instruments as readonly Instrument[]) : [],
);

t.test('each metric has a name of its own, in the form that Prometheus wants', async (t) => {
  for (const { name, kind } of instruments) {
    t.match(name, /^breakwater(_[a-z]+)+$/);
    t.equal(name.endsWith('_total'), kind === 'counter', `${name} is a ${kind}`);
  }
  t.equal(new Set(instruments.map(({ name }) => name)).size, instruments.length);
});

t.test('each metric says what it shows', async (t) => {
  for (const { name, help } of instruments) t.match(help, /^.*( .*){2}\.$/, name);
});
