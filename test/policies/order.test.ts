import t from 'tap';
import type { Call } from '../../src/core/call.js';
import { CallError } from '../../src/core/errors.js';
import type { AnyPolicy } from '../../src/core/policy.js';
import { compose } from '../../src/core/pipeline.js';
import { createLayers, listLayers } from '../../src/core/layers.js';
import { policies, policySchemas, type PolicySettings } from '../../src/policies/index.js';
import { fakeCall, fakeContext } from '../support/fake-call.js';
import { FakeClock, settle } from '../support/fake-clock.js';
import { FakeStage } from '../support/fake-stage.js';
import { settingsOf } from '../support/settings.js';

const circuitBreaker = settingsOf('circuitBreaker');

const settings: PolicySettings = {
  timeout: settingsOf('timeout'),
  fallback: 'off',
  idempotency: 'off',
  rateLimit: 'off',
  hedge: 'off',
  deadline: settingsOf('deadline'),
  fault: 'off',
  bulkhead: settingsOf('bulkhead', { maxConcurrent: 1, maxQueue: 50, queueTimeout: 60_000 }),
  circuitBreaker,
  retry: settingsOf('retry', {
    methods: ['GET'],
    statuses: [503],
    backoff: {
      strategy: 'constant',
      baseDelay: 100,
      maxDelay: 2000,
      multiplier: 2,
      jitter: 'none',
    },
  }),
};

const off: PolicySettings = {
  fallback: 'off',
  idempotency: 'off',
  rateLimit: 'off',
  timeout: 'off',
  deadline: 'off',
  bulkhead: 'off',
  circuitBreaker: 'off',
  retry: 'off',
  hedge: 'off',
  fault: 'off',
};

function build(overrides: Partial<PolicySettings> = {}) {
  const clock = new FakeClock();
  const context = fakeContext(clock);
  const layers = createLayers(policies, { ...settings, ...overrides }, context);
  const transport = new FakeStage();
  const stage = compose(listLayers(policies, layers), transport);
  const calls: Call[] = [];
  const start = () => {
    const call = fakeCall();
    calls.push(call);
    const reply = stage.run(call);
    reply.catch(() => {});
    return reply;
  };
  /** A route's layers, with `written` laid over the upstream's settings. */
  const route = (written: Partial<PolicySettings>, writes: string[] = Object.keys(written)) =>
    createLayers(policies, { ...settings, ...overrides, ...written }, context, {
      layers,
      writes: new Set(writes),
    });
  return { clock, events: context.events, layers, transport, calls, start, route };
}

t.test('has the policies outermost first', async (t) => {
  const names = policies.map((policy) => policy.name);
  t.same(names, [
    'fallback',
    'idempotency',
    'rateLimit',
    'deadline',
    'bulkhead',
    'retry',
    'hedge',
    'circuitBreaker',
    'timeout',
    'fault',
  ]);
});

t.test('has a schema for each policy key', async (t) => {
  for (const policy of policies) t.equal(policySchemas[policy.name], policy.schema);
  t.same(new Set(Object.keys(policySchemas)), new Set(Object.keys(settings)));
});

t.test('counts the time in the queue against the total timeout', async (t) => {
  const { clock, start } = build();
  void start();
  const queued = start();
  await clock.advance(35_000);
  await t.rejects(queued, /timeout\.total/);
});

const denied = (cause: string) => ({ type: 'retry-denied', cause });

/** The first call fails, and the second one takes its slot and keeps it. */
async function giveSlotAway(overrides: Partial<PolicySettings> = {}) {
  const built = build(overrides);
  const first = built.start();
  void built.start();
  const held = built.transport.last.respond({ status: 503 });
  await settle();
  return { ...built, first, held, slots: built.layers.bulkhead!.bulkhead };
}

t.test('a call in back-off', async (t) => {
  t.test('leaves its slot to the next one, and comes first for the one after', async (t) => {
    const { clock, layers, transport, start } = build();
    const slots = layers.bulkhead!.bulkhead;
    const first = start();
    const second = start();
    void start();
    transport.last.respond({ status: 503 });
    await settle();
    t.match(slots, { active: 1, queued: 1 }, 'the second one runs, the third waits');
    const body = transport.last.respond();
    t.equal(await second, body);
    await clock.advance(100);
    t.match(slots, { active: 1, queued: 2 }, 'the first one waits again');
    t.equal(transport.runs.length, 2);
    body.finish();
    await settle();
    t.equal(transport.last.call, transport.runs[0]?.call, 'it comes before the third');
    transport.last.respond().finish();
    t.equal((await first).status, 200);
    await settle();
    t.equal(transport.runs.length, 4);
    t.match(slots, { active: 1, queued: 0 });
  });

  t.test('gets its failed response where no slot comes free within queueTimeout', async (t) => {
    const { clock, events, first, held, slots, transport } = await giveSlotAway({
      bulkhead: settingsOf('bulkhead', { maxConcurrent: 1, queueTimeout: 500 }),
    });
    await clock.advance(599);
    t.match(slots, { active: 1, queued: 1 });
    await clock.advance(1);
    t.equal(await first, held);
    t.notOk(held.isDiscarded);
    t.same(
      events.filter(({ type }) => type === 'retry-denied'),
      [denied('waiting')],
    );
    held.finish();
    t.match(slots, { active: 1, queued: 0 }, 'no slot is given back twice');
    t.equal(transport.runs.length, 2);
  });

  t.test('gets its error where there was no response', async (t) => {
    const { clock, start, transport } = build({
      bulkhead: settingsOf('bulkhead', { maxConcurrent: 1, queueTimeout: 500 }),
    });
    const first = start();
    void start();
    const error = new CallError('upstream-reset', 'Cannot');
    transport.last.fail(error);
    await clock.advance(600);
    await t.rejects(first, error);
  });

  t.test('waits again although maxQueue lets no others wait', async (t) => {
    const { clock, first, held, slots, transport } = await giveSlotAway({
      bulkhead: settingsOf('bulkhead', { maxConcurrent: 1, maxQueue: 1, queueTimeout: 'off' }),
    });
    await clock.advance(100);
    t.match(slots, { active: 1, queued: 1 });
    transport.last.respond({ isComplete: true });
    await settle();
    t.ok(held.isDiscarded);
    transport.last.respond({ isComplete: true });
    t.equal((await first).status, 200);
    t.match(slots, { active: 0, queued: 0 });
  });

  t.test('ends at its deadline, also while it waits again', async (t) => {
    for (const afterMs of [50, 300]) {
      const { clock, calls, first, held, slots } = await giveSlotAway({
        timeout: settingsOf('timeout', { total: 'off' }),
      });
      await clock.advance(afterMs);
      t.equal(slots.queued, afterMs < 100 ? 0 : 1);
      const over = new CallError('deadline-expired', 'Cannot');
      calls[0]!.cancel(over);
      await t.rejects(first, over);
      t.ok(held.isDiscarded);
      t.match(slots, { active: 1, queued: 0 });
    }
  });

  t.test('does not wait for a slot only to be refused by the circuit', async (t) => {
    const { clock, events, first, held, layers, slots } = await giveSlotAway();
    layers.circuitBreaker?.circuit.force('forced-open');
    await clock.advance(100);
    t.equal(await first, held);
    t.equal(slots.queued, 0);
    t.same(
      events.filter(({ type }) => type === 'retry-denied'),
      [denied('circuit')],
    );
  });

  t.test('is asked again about the circuit when it has its slot', async (t) => {
    const { clock, first, held, layers, slots, transport } = await giveSlotAway();
    await clock.advance(100);
    layers.circuitBreaker?.circuit.force('forced-open');
    transport.last.respond({ isComplete: true });
    t.equal(await first, held);
    t.equal(slots.active, 1, 'its response is read in a slot');
    held.finish();
    t.equal(slots.active, 0);
  });

  t.test('makes room for no more than maxConcurrent others', async (t) => {
    const { clock, events, layers, start, transport } = build();
    const first = start();
    transport.last.respond({ status: 503 });
    await settle();
    const second = start();
    const failed = transport.last.respond({ status: 503 });
    t.equal(await second, failed);
    t.same(
      events.filter(({ type }) => type === 'retry-denied'),
      [denied('waiting')],
    );
    t.equal(layers.retry?.budget?.remaining(), 29, 'what is not made costs nothing');
    failed.finish();
    await clock.advance(100);
    transport.last.respond({ isComplete: true });
    t.equal((await first).status, 200);
    void start();
    transport.last.respond({ status: 503 });
    await clock.advance(100);
    t.equal(transport.runs.length, 5, 'there is room again');
  });

  t.test('gives its place up when its retry is given up', async (t) => {
    const { clock, layers, start, transport } = build();
    const first = start();
    const held = transport.last.respond({ status: 503 });
    await settle();
    layers.circuitBreaker?.circuit.force('forced-open');
    await clock.advance(100);
    t.equal(await first, held);
    t.ok(layers.bulkhead?.bulkhead.mayRest, 'although its response is still being read');
  });
});

t.test('an event stream gives its slot back at its headers', async (t) => {
  const { layers, start, transport } = build();
  const slots = layers.bulkhead!.bulkhead;
  const reply = start();
  const body = transport.last.respond({ headers: ['Content-Type', 'text/event-stream'] });
  t.equal(await reply, body);
  t.match(slots, { active: 0, streams: 1 });
  body.finish();
  t.match(slots, { active: 0, streams: 0 });
});

t.test('records every attempt with the circuit', async (t) => {
  const { clock, layers, transport, start } = build();
  void start();
  for (let i = 1; i <= 3; i++) {
    transport.last.respond({ status: 503 });
    await settle();
    t.equal(layers.circuitBreaker?.circuit.snapshot().consecutiveFailures, i);
    await clock.advance(100);
  }
});

t.test('passes the last response on when its failures have opened the circuit', async (t) => {
  const { clock, layers, transport, start } = build({
    circuitBreaker: { ...circuitBreaker, failureThreshold: 2 },
  });
  const reply = start();
  transport.last.respond({ status: 503 });
  await clock.advance(100);
  const last = transport.last.respond({ status: 503 });
  t.equal(await reply, last);
  t.equal(layers.circuitBreaker?.circuit.snapshot().state, 'open');
  t.equal(transport.runs.length, 2);
});

t.test('queues no call that the open circuit would refuse', async (t) => {
  const { layers, start } = build();
  void start();
  layers.circuitBreaker?.circuit.force('forced-open');
  await t.rejects(start(), /circuit/);
  t.equal(layers.bulkhead?.bulkhead.queued, 0);
});

t.test('gives each attempt clocks of its own', async (t) => {
  const { clock, transport, start } = build();
  void start();
  const first = transport.last.attempt!;
  transport.last.respond({ status: 503 });
  await clock.advance(100);
  const second = transport.last.attempt!;
  t.same([first.number, second.number], [1, 2]);
  const before = clock.pending;
  second.enter('connecting');
  t.equal(clock.pending, before + 1);
});

t.test('leaves out what is off', async (t) => {
  const { layers } = build(off);
  t.same(listLayers(policies, layers), { call: [], attempt: [] });
  const { call, attempt } = listLayers(policies, build({ retry: 'off' }).layers);
  t.same([call.length, attempt.length], [2, 2]);
});

t.test('a route', async (t) => {
  const names = ['deadline', 'bulkhead', 'retry', 'circuitBreaker', 'timeout'] as const;

  t.test('shares everything when it writes nothing', async (t) => {
    const { layers, route } = build();
    const own = route({});
    for (const name of names) t.equal(own[name], layers[name], name);
  });

  t.test('has a layer of its own for what it writes, and shares the rest', async (t) => {
    for (const [written, expected] of [
      ['bulkhead', ['bulkhead']],
      ['circuitBreaker', ['circuitBreaker']],
      ['retry', ['retry']],
      ['deadline', ['deadline']],
      ['timeout', ['deadline', 'timeout']],
    ] as const) {
      const { layers, route } = build();
      const own = route({ [written]: settings[written] });
      t.same(
        names.filter((name) => own[name] !== layers[name]),
        expected,
      );
    }
  });

  t.test('switches off for itself alone', async (t) => {
    const { layers, route } = build();
    const own = route({ bulkhead: 'off' });
    t.equal(own.bulkhead, undefined);
    t.ok(layers.bulkhead);
  });

  t.test('switches on what its upstream has off', async (t) => {
    const { layers, route } = build(off);
    const own = route({ retry: settings.retry, circuitBreaker: settings.circuitBreaker });
    t.ok(own.circuitBreaker);
    t.equal(own.retry?.budget?.remaining(), 30);
    t.same(listLayers(policies, layers), { call: [], attempt: [] });
  });

  t.test('spends from the budget of its upstream unless it writes one', async (t) => {
    const { layers, route } = build();
    const { retry } = settings;
    const shared = route({ retry }, ['retry', 'retry.maxAttempts']);
    t.equal(shared.retry?.budget, layers.retry?.budget);
    const own = route({ retry }, ['retry', 'retry.budget', 'retry.budget.ratio']);
    t.ok(own.retry?.budget);
    t.not(own.retry?.budget, layers.retry?.budget);
  });
});

t.test('shows the same fields of a policy that is on and of one that is off', async (t) => {
  const { layers } = build();
  const shown = policies.flatMap((policy: AnyPolicy) => {
    const whenOff = Object.entries(policy.describe?.(undefined) ?? {});
    const layer = layers[policy.name as keyof typeof layers];
    const whenOn = Object.keys(policy.describe?.(layer) ?? {});
    const names = whenOff.map(([name]) => name);
    t.same(whenOn, names, policy.name);
    for (const [name, value] of whenOff) t.equal(value, null, `${name} is null where it is off`);
    return names;
  });
  t.equal(new Set(shown).size, shown.length, 'no two policies show a field of the same name');
});
