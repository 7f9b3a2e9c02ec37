import t from 'tap';
import { HealthWatch } from '../../../src/upstream/health/health-watch.js';
import type { EndpointHealth } from '../../../src/upstream/health/endpoint-health.js';
import type { HealthOptions } from '../../../src/upstream/health/options.js';
import type { EndpointEvent } from '../../../src/upstream/instruments.js';
import { FakeClock } from '../../support/fake-clock.js';
import { ejection, healthCheck, healthOptions } from '../../support/health-options.js';

/** A watch over `count` endpoints that have been there from the start. */
function watch(count: number, options: Partial<HealthOptions> = {}, clock = new FakeClock()) {
  const events: EndpointEvent[] = [];
  let changes = 0;
  const watch = new HealthWatch(
    { ...healthOptions, ...options },
    { clock, emit: (event) => void events.push(event), onChange: () => void (changes += 1) },
  );
  const all = Array.from({ length: count }, (_, i) => watch.add(`10.0.0.${i + 1}:80`, false));
  return {
    clock,
    watch,
    all,
    first: all[0]!,
    second: all[1]!,
    events,
    changes: () => changes,
    states: () => all.map(({ state }) => state),
    fail: (health: EndpointHealth, times = ejection.consecutiveFailures): void => {
      for (let i = 0; i < times; i += 1) watch.report(health, true);
    },
    check: (health: EndpointHealth, ...results: readonly boolean[]): void => {
      for (const isGood of results)
        watch.noteCheck(health, isGood ? undefined : 'status 500', healthCheck);
    },
  };
}

t.test('ejection', async (t) => {
  t.test('takes an endpoint out after failures in a row, and brings it back', async (t) => {
    const { clock, first, fail, events, changes, states } = watch(2);
    fail(first, 2);
    t.same(states(), ['available', 'available']);
    t.equal(first.consecutiveFailures, 2);
    fail(first, 1);
    t.same(states(), ['ejected', 'available']);
    t.equal(changes(), 1);
    t.equal(first.backInMs(clock.now()), 1000);
    await clock.advance(400);
    t.equal(first.backInMs(clock.now()), 600);
    await clock.advance(599);
    t.equal(first.state, 'ejected');
    await clock.advance(1);
    t.equal(first.state, 'available', 'without any call');
    t.equal(first.backInMs(clock.now()), 0);
    t.equal(changes(), 2);
    const { address } = first;
    t.same(events, [
      { type: 'endpoint-ejected', address, failures: 3, forMs: 1000 },
      { type: 'endpoint-returned', address, from: 'ejected' },
    ]);
    t.equal(clock.pending, 0);
  });

  t.test('begins to count anew at a success', async (t) => {
    const { watch: rules, first, fail, states } = watch(2);
    for (let i = 0; i < 3; i += 1) {
      fail(first, 2);
      rules.report(first, false);
    }
    t.equal(first.consecutiveFailures, 0);
    t.same(states(), ['available', 'available']);
  });

  t.test('needs as many failures again after a return', async (t) => {
    const { clock, first, fail } = watch(2);
    fail(first);
    await clock.advance(1000);
    t.equal(first.consecutiveFailures, 0);
    fail(first, 2);
    t.equal(first.state, 'available');
    fail(first, 1);
    t.equal(first.state, 'ejected');
  });

  t.test('lasts longer each time in a row, up to the longest time', async (t) => {
    const { clock, first, fail } = watch(2);
    for (const forMs of [1000, 2000, 2500, 2500]) {
      fail(first);
      t.equal(first.backInMs(clock.now()), forMs);
      await clock.advance(forMs);
    }
    await clock.advance(5 * ejection.baseTime - 1);
    fail(first);
    t.equal(first.backInMs(clock.now()), 2500, 'still in a row');
    await clock.advance(2500 + 5 * ejection.baseTime);
    fail(first);
    t.equal(first.backInMs(clock.now()), 1000, 'as the first time');
  });

  t.test('is not extended by what ends meanwhile, nor by what began before it', async (t) => {
    const { clock, watch: rules, first, fail } = watch(2);
    fail(first);
    await clock.advance(500);
    fail(first, 10);
    rules.report(first, false);
    t.equal(first.backInMs(clock.now()), 500);
    t.equal(first.consecutiveFailures, 3);
    await clock.advance(500);
    for (let i = 0; i < 10; i += 1) rules.report(first, true, 999);
    t.equal(first.consecutiveFailures, 0, 'these attempts began before the return');
    for (let i = 0; i < 3; i += 1) rules.report(first, true, 1000);
    t.equal(first.state, 'ejected', 'these began after it');
  });

  t.test('leaves the only endpoint alone', async (t) => {
    const { first, fail, events } = watch(1);
    fail(first, 100);
    t.equal(first.state, 'available');
    t.equal(first.consecutiveFailures, 100);
    t.same(events, []);
  });

  t.test('takes out no more than the share, but one at least', async (t) => {
    for (const [count, maxShare, most] of [
      [2, 0.1, 1],
      [3, 0.5, 1],
      [4, 0.5, 2],
      [5, 0.99, 4],
      [100, 0.29, 29],
      [3, 1, 3],
    ] as const) {
      const { all, fail, states } = watch(count, { ejection: { ...ejection, maxShare } });
      for (const each of all) fail(each, 10);
      t.equal(states().filter((state) => state === 'ejected').length, most, `of ${count}`);
    }
  });

  t.test('counts drained and unhealthy endpoints as well', async (t) => {
    const { all, watch: rules, check, fail } = watch(4);
    rules.drain(all[3]!, Infinity);
    check(all[2]!, false, false);
    for (const each of all.slice(0, 2)) fail(each);
    t.same(
      all.map(({ state }) => state),
      ['ejected', 'ejected', 'unhealthy', 'drained'],
    );
  });

  t.test('comes at the next failure once another endpoint has returned', async (t) => {
    const { clock, first, second, fail, states } = watch(2);
    fail(first);
    fail(second, 5);
    t.same(states(), ['ejected', 'available']);
    await clock.advance(1000);
    t.same(states(), ['available', 'available'], 'there is no news of it');
    fail(second, 1);
    t.same(states(), ['available', 'ejected']);
  });

  t.test('has room for another one when an ejected endpoint leaves', async (t) => {
    const { all, watch: rules, fail, states } = watch(5);
    for (const each of all.slice(0, 2)) fail(each);
    rules.remove(all[0]!);
    for (const each of all.slice(2)) fail(each);
    t.same(states().slice(1), ['ejected', 'ejected', 'available', 'available']);
  });

  t.test('does nothing where it is off', async (t) => {
    const { first, fail, states, clock } = watch(2, { ejection: 'off' });
    fail(first, 100);
    t.same(states(), ['available', 'available']);
    t.equal(clock.pending, 0);
  });

  t.test('ends early where fewer endpoints are left, the first due first', async (t) => {
    const { clock, all, watch: rules, fail, events } = watch(4);
    fail(all[1]!);
    await clock.advance(100);
    fail(all[0]!);
    rules.remove(all[2]!);
    const added = rules.add('10.0.0.9:80', true);
    await clock.advance(0);
    t.equal(all[1]!.state, 'ejected', 'another one came in its place');
    rules.remove(added);
    rules.remove(all[3]!);
    await clock.advance(0);
    t.equal(all[1]!.state, 'available');
    t.equal(all[0]!.state, 'ejected');
    rules.remove(all[1]!);
    await clock.advance(0);
    t.equal(all[0]!.state, 'available', 'the only one is never out');
    t.equal(events.filter(({ type }) => type === 'endpoint-returned').length, 2);
    t.equal(clock.pending, 0);
  });
});

t.test('draining', async (t) => {
  t.test('lasts until its end, or until it is changed', async (t) => {
    const { clock, watch: rules, first, second, events, changes } = watch(2);
    rules.drain(first, 5000);
    rules.drain(second, Infinity);
    t.equal(first.state, 'drained');
    t.equal(first.backInMs(clock.now()), 5000);
    t.equal(second.backInMs(clock.now()), 0, 'there is no end');
    await clock.advance(5000);
    t.equal(first.state, 'available');
    t.equal(second.state, 'drained');
    rules.undrain(second);
    t.equal(second.state, 'available');
    t.equal(changes(), 4);
    const [one, two] = [first.address, second.address];
    t.same(events, [
      { type: 'endpoint-drained', address: one, forMs: 5000 },
      { type: 'endpoint-drained', address: two, forMs: Infinity },
      { type: 'endpoint-returned', address: one, from: 'drained' },
      { type: 'endpoint-returned', address: two, from: 'drained' },
    ]);
    t.equal(clock.pending, 0);
  });

  t.test('has the end that was set last', async (t) => {
    const { clock, watch: rules, first, changes } = watch(2);
    rules.drain(first, 1000);
    rules.drain(first, 3000);
    await clock.advance(2999);
    t.equal(first.state, 'drained');
    await clock.advance(1);
    t.equal(first.state, 'available');
    t.equal(changes(), 2);
    rules.undrain(first);
    t.equal(changes(), 2, 'there is nothing to end');
  });

  t.test('stands over ejection, and ejection over ill health', async (t) => {
    const { clock, watch: rules, first, fail, check, events } = watch(2);
    check(first, false, false);
    t.equal(first.state, 'unhealthy');
    fail(first);
    t.equal(first.state, 'ejected');
    rules.drain(first, 400);
    t.equal(first.state, 'drained');
    t.equal(first.backInMs(clock.now()), 1000, 'it is still ejected after its drain');
    await clock.advance(400);
    t.equal(first.state, 'ejected');
    await clock.advance(600);
    t.equal(first.state, 'unhealthy');
    t.equal(first.backInMs(clock.now()), 0, 'this depends on its checks');
    check(first, true, true);
    t.equal(first.state, 'available');
    const returned = events.filter(({ type }) => type === 'endpoint-returned');
    t.match(returned, [{ from: 'unhealthy' }], 'it was back only once');
    t.equal(returned.length, 1);
  });
});

t.test('health checks', async (t) => {
  t.test('make an endpoint unhealthy, and healthy, after some in a row', async (t) => {
    const { first, check, events, changes, clock } = watch(2);
    check(first, false, true, false);
    t.equal(first.state, 'available');
    check(first, false);
    t.equal(first.state, 'unhealthy');
    check(first, false, true, false, true);
    t.equal(first.state, 'unhealthy');
    check(first, true);
    t.equal(first.state, 'available');
    t.equal(changes(), 2);
    const { address } = first;
    t.same(
      events.filter(({ type }) => type !== 'health-checked'),
      [
        { type: 'endpoint-unhealthy', address, failures: 2, error: 'status 500' },
        { type: 'endpoint-returned', address, from: 'unhealthy' },
      ],
    );
    t.equal(
      events
        .flatMap((event) => (event.type === 'health-checked' ? [event.result[0]] : []))
        .join(''),
      'fsfffsfss',
    );
    t.equal(clock.pending, 0);
  });

  t.test('may find all endpoints unhealthy', async (t) => {
    const { all, check, states } = watch(2);
    for (const each of all) check(each, false, false);
    t.same(states(), ['unhealthy', 'unhealthy']);
  });
});

t.test('slow start', async (t) => {
  const slowStart = 10_000;

  t.test('lets the share of a new endpoint grow, not of those of the start', async (t) => {
    const { clock, watch: rules, first } = watch(2, { slowStart });
    t.equal(first.shareAt(clock.now()), 1);
    t.equal(first.backInMs(clock.now()), 0);
    const added = rules.add('10.0.0.9:80', true);
    const shares = [];
    for (let i = 0; i < 5; i += 1) {
      shares.push([added.shareAt(clock.now()), added.backInMs(clock.now())]);
      await clock.advance(2500);
    }
    t.same(shares, [
      [0.01, 10_000],
      [0.25, 7500],
      [0.5, 5000],
      [0.75, 2500],
      [1, 0],
    ]);
  });

  t.test('begins at every return', async (t) => {
    const { clock, watch: rules, first, fail, check } = watch(2, { slowStart });
    const isStarting = async () => {
      await clock.advance(1000);
      t.equal(first.shareAt(clock.now()), 0.1);
      t.equal(first.backInMs(clock.now()), 9000);
    };
    fail(first);
    await clock.advance(1000);
    await isStarting();
    check(first, false, false, true, true);
    await isStarting();
    rules.drain(first, Infinity);
    rules.undrain(first);
    await isStarting();
  });

  t.test('gives the whole share at once where it is off', async (t) => {
    const { clock, watch: rules } = watch(2);
    const added = rules.add('10.0.0.9:80', true);
    t.equal(added.shareAt(clock.now()), 1);
    t.equal(added.backInMs(clock.now()), 0);
  });
});

t.test('at a reload', async (t) => {
  t.test('states go on, with their ends, rows and times in a row', async (t) => {
    const before = watch(4, { slowStart: 10_000 });
    const { clock, all } = before;
    before.fail(all[0]!);
    await clock.advance(1000);
    before.fail(all[0]!);
    before.fail(all[1]!, 2);
    before.watch.drain(all[2]!, 5000);
    before.check(all[3]!, false, false);
    await clock.advance(500);

    const after = watch(0, { slowStart: 2000 }, clock);
    for (const each of all) after.watch.adopt(each);
    before.watch.close();
    await clock.advance(0);
    const { changes } = after;
    t.same(before.states(), ['ejected', 'available', 'drained', 'unhealthy']);
    t.same(after.events, []);
    t.equal(changes(), 0);
    t.equal(clock.pending, 2, 'each timer is there once');
    t.equal(all[0]!.backInMs(clock.now()), 1500, 'out for the second time');
    t.equal(all[2]!.backInMs(clock.now()), 4500);
    after.check(all[3]!, true);
    t.equal(all[3]!.state, 'unhealthy');
    after.check(all[3]!, true);
    t.equal(all[3]!.state, 'available');
    after.fail(all[1]!, 1);
    t.equal(all[1]!.state, 'ejected', 'the third failure in a row');

    await clock.advance(1500);
    t.equal(all[0]!.state, 'available');
    t.equal(all[0]!.backInMs(clock.now()), 2000, 'as configured now');
    after.fail(all[0]!);
    t.equal(all[0]!.backInMs(clock.now()), 2500, 'out for the third time');
    await clock.advance(5000);
    t.same(before.states(), ['available', 'available', 'available', 'available']);
    t.equal(before.events.filter(({ type }) => type === 'endpoint-returned').length, 1);
    t.equal(clock.pending, 0);
  });

  t.test('attempts that are under way count for the rules of now', async (t) => {
    const before = watch(2, { ejection: 'off' });
    const after = watch(0, {}, before.clock);
    for (const each of before.all) after.watch.adopt(each);
    before.fail(before.first);
    t.equal(before.first.state, 'ejected');
    t.match(after.events, [{ type: 'endpoint-ejected', failures: 3 }]);
    after.watch.close();
    t.equal(before.clock.pending, 0);
    before.fail(before.second);
    t.equal(before.second.consecutiveFailures, 0, 'no rules are left');
  });

  t.test('what is switched off has no effect any more', async (t) => {
    const before = watch(4);
    const { all } = before;
    before.fail(all[0]!);
    before.check(all[1]!, false, false);
    before.fail(all[2]!);
    before.watch.drain(all[2]!, 1000);
    before.watch.drain(all[3]!, Infinity);
    const after = watch(0, { ejection: 'off', healthCheck: 'off' }, before.clock);
    for (const each of all) after.watch.adopt(each);
    t.same(before.states(), ['available', 'available', 'drained', 'drained']);
    t.match(after.events, [{ from: 'ejected' }, { from: 'unhealthy' }]);
    after.watch.undrain(all[2]!);
    t.equal(all[2]!.state, 'available');
    after.check(all[1]!, false);
    t.equal(all[1]!.state, 'available', 'failed checks from before do not count');
  });

  t.test('endpoints beyond the limit of now come back', async (t) => {
    const before = watch(4);
    before.fail(before.first);
    before.fail(before.second);
    const after = watch(0, { ejection: { ...ejection, maxShare: 0.25 } }, before.clock);
    for (const each of before.all) after.watch.adopt(each);
    t.same(after.events, [], 'not before all are there');
    await before.clock.advance(0);
    t.same(before.states(), ['available', 'ejected', 'available', 'available']);
    t.equal(after.changes(), 1);
  });

  t.test('a watch that is closed leaves nothing behind', async (t) => {
    const before = watch(2);
    before.fail(before.first);
    const after = watch(0, {}, before.clock);
    after.watch.adopt(before.first);
    t.equal(before.clock.pending, 2, 'its return, and whether it may be out at all');
    after.watch.close();
    t.equal(before.clock.pending, 0);
    t.equal(before.first.state, 'ejected', 'the next watch may bring it back');
  });

  t.test('an endpoint that is gone is not heard of again', async (t) => {
    const { clock, watch: rules, first, fail, check, events } = watch(4);
    fail(first);
    rules.drain(first, 5000);
    const before = events.length;
    rules.remove(first);
    t.equal(clock.pending, 0);
    rules.report(first, true);
    rules.drain(first, 1000);
    rules.undrain(first);
    check(first, false, false);
    t.equal(events.length, before);
  });
});
