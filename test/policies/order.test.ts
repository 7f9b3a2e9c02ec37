import t from 'tap';
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
  deadline: settingsOf('deadline'),
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
  timeout: 'off',
  deadline: 'off',
  bulkhead: 'off',
  circuitBreaker: 'off',
  retry: 'off',
};

function build(overrides: Partial<PolicySettings> = {}) {
  const clock = new FakeClock();
  const context = fakeContext(clock);
  const layers = createLayers(policies, { ...settings, ...overrides }, context);
  const transport = new FakeStage();
  const stage = compose(listLayers(policies, layers), transport);
  const start = () => {
    const reply = stage.run(fakeCall());
    reply.catch(() => {});
    return reply;
  };
  /** A route's layers, with `written` laid over the upstream's settings. */
  const route = (written: Partial<PolicySettings>, writes: string[] = Object.keys(written)) =>
    createLayers(policies, { ...settings, ...overrides, ...written }, context, {
      layers,
      writes: new Set(writes),
    });
  return { clock, layers, transport, start, route };
}

t.test('has the policies outermost first', async (t) => {
  const names = policies.map((policy) => policy.name);
  t.same(names, [
    'fallback',
    'idempotency',
    'deadline',
    'bulkhead',
    'retry',
    'circuitBreaker',
    'timeout',
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

t.test('keeps one slot through all attempts of an exchange', async (t) => {
  const { clock, layers, transport, start } = build();
  const reply = start();
  const queued = start();
  transport.last.answer({ status: 503 });
  await settle();
  t.match(layers.bulkhead?.bulkhead, { active: 1, queued: 1 }, 'in the back-off');
  await clock.advance(100);
  t.equal(transport.runs[1]?.call, transport.runs[0]?.call);
  transport.last.answer().finish();
  await reply;
  await settle();
  t.equal(transport.runs.length, 3);
  transport.last.answer();
  t.equal((await queued).status, 200);
});

t.test('records every attempt with the circuit', async (t) => {
  const { clock, layers, transport, start } = build();
  void start();
  for (let i = 1; i <= 3; i++) {
    transport.last.answer({ status: 503 });
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
  transport.last.answer({ status: 503 });
  await clock.advance(100);
  const last = transport.last.answer({ status: 503 });
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
  transport.last.answer({ status: 503 });
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
