import t from 'tap';
import type { Emit } from '../../src/core/events.js';
import type { InspectableScope } from '../../src/core/inspect.js';
import { policies } from '../../src/policies/index.js';
import { createMetrics } from '../../src/telemetry/instruments/metrics.js';
import { FakeClock } from '../support/fake-clock.js';
import { fakeScope } from '../support/fake-layers.js';
import { readPage } from '../support/page.js';

const MINUTE_MS = 60_000;

/** Metrics of a proxy whose upstreams are those of the last `configure`. */
function build() {
  let scopes: InspectableScope[] = [];
  const clock = new FakeClock();
  const metrics = createMetrics({
    clock,
    version: '1',
    inspection: {
      policies,
      isReady: () => true,
      scopes: () => scopes,
      upstreams: () => [],
      config: () => ({}),
    },
  });
  return {
    clock,
    /** A start or a reload. @returns where the events of each upstream go. */
    configure: (...names: string[]): Emit[] => {
      const emits = names.map((name) => metrics.scope(name, ''));
      scopes = names.map((name) => fakeScope(name, '', {}));
      metrics.noteConfig('0123456789ab');
      return emits;
    },
    count: (emit: Emit) => emit({ type: 'attempt-finished', result: 'success' }),
    /** How many successful attempts the page shows; undefined where it has no series of the upstream. */
    shown: async (name: string): Promise<number | undefined> => {
      const page = await readPage(metrics.exposition());
      const series = new RegExp(`attempts_total\\{upstream="${name}",outcome="success"\\} (\\d+)`);
      const [, value] = series.exec(page) ?? [];
      if (value === undefined) t.notMatch(page, `upstream="${name}"`, 'and no other series either');
      return value === undefined ? undefined : Number(value);
    },
  };
}

t.test('the series of an upstream that is gone stay for 10 minutes', async (t) => {
  const { clock, configure, count, shown } = build();
  const [, gone] = configure('stays', 'goes');
  count(gone!);
  await clock.advance(60 * MINUTE_MS);
  configure('stays');
  // A call that was under way at the reload.
  count(gone!);
  t.equal(await shown('goes'), 2);
  await clock.advance(9 * MINUTE_MS);
  configure('stays');
  await clock.advance(MINUTE_MS - 1);
  t.equal(await shown('goes'), 2, 'another reload makes no difference');
  await clock.advance(1);
  t.equal(await shown('goes'), undefined);
  t.equal(await shown('stays'), 0);
});

t.test('a call that outlives the series of its upstream does not bring them back', async (t) => {
  const { clock, configure, count, shown } = build();
  const [gone] = configure('goes');
  configure();
  await clock.advance(10 * MINUTE_MS);
  configure();
  count(gone!);
  t.equal(await shown('goes'), undefined);
});

t.test('an upstream that returns in time goes on counting', async (t) => {
  const { clock, configure, count, shown } = build();
  count(configure('catalog')[0]!);
  configure();
  await clock.advance(9 * MINUTE_MS);
  count(configure('catalog')[0]!);
  await clock.advance(9 * MINUTE_MS);
  t.equal(await shown('catalog'), 2);
  configure();
  await clock.advance(9 * MINUTE_MS);
  t.equal(await shown('catalog'), 2, 'and has 10 minutes anew when it goes again');
});

t.test('an upstream that returns too late counts from 0, and its series are there', async (t) => {
  const { clock, configure, count, shown } = build();
  count(configure('catalog')[0]!);
  configure();
  await clock.advance(10 * MINUTE_MS);
  const [emit] = configure('catalog');
  t.equal(await shown('catalog'), 0);
  count(emit!);
  t.equal(await shown('catalog'), 1);
});

t.test('what belongs to no upstream stays', async (t) => {
  const { clock, configure, shown } = build();
  const [none] = configure('');
  none!({ type: 'attempt-finished', result: 'success' });
  configure();
  await clock.advance(20 * MINUTE_MS);
  t.equal(await shown(''), 1);
});
