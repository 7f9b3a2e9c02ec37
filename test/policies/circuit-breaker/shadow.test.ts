/** A circuit in shadow. */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import type { Call } from '../../../src/core/call.js';
import { CallError } from '../../../src/core/errors.js';
import { circuitBreaker as policy } from '../../../src/policies/circuit-breaker/index.js';
import type { CircuitBreakerSettings } from '../../../src/policies/circuit-breaker/index.js';
import { log } from '../../../src/policies/circuit-breaker/instruments.js';
import type { CircuitMoved } from '../../../src/policies/circuit-breaker/states.js';
import { fakeAttempt, fakeCall, fakeContext } from '../../support/fake-call.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
import { failureOf, FakeStage, type FakeRun } from '../../support/fake-stage.js';
import { settingsOf } from '../../support/settings.js';

type Options = Exclude<CircuitBreakerSettings['circuitBreaker'], 'off'>;

function build(options: Partial<Options> = {}, clock = new FakeClock()) {
  const context = fakeContext(clock);
  const next = new FakeStage();
  const create = (changes: Partial<Options>, previous?: ReturnType<typeof policy.create>) =>
    policy.create(
      { circuitBreaker: settingsOf('circuitBreaker', { mode: 'shadow', ...options, ...changes }) },
      context,
      previous,
    )!;
  let layer = create({});
  let stage = layer.wrap(next);
  const { circuit } = layer;

  /** Sends an attempt and leaves it under way. */
  function send(call: Call = fakeCall()) {
    const sent = next.runs.length;
    const reply = stage.run(fakeAttempt(call));
    reply.catch(() => {});
    return { call, reply, run: next.runs.length > sent ? next.last : undefined };
  }

  async function respond(status: number, call?: Call): Promise<Call> {
    const sent = send(call);
    sent.run!.respond({ status, isComplete: true });
    await settle();
    return sent.call;
  }

  return {
    clock,
    events: context.events,
    circuit,
    layer: () => layer,
    stage: () => stage,
    send,
    respond,
    /** F and S as in a score: failures and successes, one after the other. */
    async play(score: string): Promise<void> {
      for (const note of score) await respond(note === 'F' ? 500 : 200);
    },
    reload(changes: Partial<Options>): void {
      layer = create(changes, layer);
      stage = layer.wrap(next);
    },
    get state() {
      return circuit.snapshot().state;
    },
    /** Of the log, in order. */
    lines: () =>
      context.events.flatMap((event) => {
        const logged = log.find((each) => each.event === event.type);
        return logged === undefined ? [] : [logged.line(event as CircuitMoved, 'catalog', '')];
      }),
  };
}

t.test('opens, but lets all calls go on, and counts those it would have refused', async (t) => {
  const tested = build();
  await tested.play('FFFFF');
  t.match(tested.circuit.snapshot(), { state: 'open', mode: 'shadow', retryAfterMs: 30_000 });
  const call = await tested.respond(200);
  t.same(call.shadow, ['circuit-open']);
  t.same(tested.events.at(-1), {
    type: 'shadow-refused',
    policy: 'circuitBreaker',
    reason: 'circuit-open',
  });
});

t.test('stands in no way of retries, hedges and queues', async (t) => {
  const tested = build();
  await tested.play('FFFFF');
  t.equal(tested.stage().refusal(fakeCall()), undefined);
});

t.test('results of calls that it would have refused do not count', async (t) => {
  const tested = build();
  await tested.play('FFFFF');
  const before = tested.circuit.snapshot();
  await tested.play('SFSFFS');
  t.same(tested.circuit.snapshot(), before);
});

t.test('probes with the first calls after recoveryTimeout, and closes', async (t) => {
  const tested = build({ halfOpenMaxCalls: 2, successThreshold: 2 });
  await tested.play('FFFFF');
  await tested.clock.advance(30_000);
  const [first, second, third] = [tested.send(), tested.send(), tested.send()];
  t.same([first.call.shadow, second.call.shadow], [[], []]);
  t.same(third.call.shadow, ['circuit-open'], 'enforced, it would not have been a probe');
  third.run!.respond({ status: 500, isComplete: true });
  await settle();
  t.equal(tested.state, 'half-open', 'so its result does not count');
  for (const { run } of [first, second]) run!.respond({ isComplete: true });
  await settle();
  t.equal(tested.state, 'closed');
});

t.test('opens again if a probe fails', async (t) => {
  const tested = build();
  await tested.play('FFFFF');
  await tested.clock.advance(30_000);
  await tested.play('F');
  t.equal(tested.state, 'open');
});

t.test('a call that would have been refused stays out with its retries', async (t) => {
  const tested = build();
  await tested.play('FFFFF');
  const call = await tested.respond(500);
  await tested.clock.advance(30_000);
  await tested.respond(500, call);
  t.equal(tested.state, 'half-open', 'its second attempt is no probe');
  t.same(call.shadow, ['circuit-open'], 'and it is counted once');
});

t.test('says in the log what it would have done', async (t) => {
  const tested = build();
  await tested.play('FFFFF');
  await tested.clock.advance(30_000);
  await tested.play('SSS');
  t.match(tested.lines(), [
    {
      level: 'info',
      fields: { from: 'closed', to: 'open', rule: 'failureThreshold', mode: 'shadow' },
      message:
        'circuit of catalog would have opened because 5 failures in a row reached failureThreshold 5',
    },
    {
      fields: { from: 'open', to: 'half-open' },
      message:
        'circuit of catalog would have become half-open because its recoveryTimeout of 30000 ms was over',
    },
    {
      fields: { from: 'half-open', to: 'closed' },
      message:
        'circuit of catalog would have closed because 3 good probes reached successThreshold 3',
    },
  ]);
});

t.test('what an operator orders holds in shadow as well', async (t) => {
  const tested = build();
  await tested.play('FFFFF');
  tested.circuit.force('forced-open', 1000);
  const refused = tested.send();
  t.equal(refused.run, undefined);
  t.match(await failureOf(refused.reply), { reason: 'circuit-open', message: /by an operator/ });
  t.same(refused.call.shadow, []);
  t.match(tested.stage().refusal(fakeCall()), { reason: 'circuit-open' });
  await tested.clock.advance(1000);
  t.equal(tested.stage().refusal(fakeCall()), undefined);
  t.equal(tested.state, 'closed', 'it begins anew');
  tested.circuit.force('forced-closed');
  await tested.play('FFFFFF');
  t.equal(tested.state, 'forced-closed');
  t.same(
    tested.lines().map(({ message }) => message.slice('circuit of catalog '.length)),
    [
      'would have opened because 5 failures in a row reached failureThreshold 5',
      'was forced open because an operator said so',
      'closed because its override ended',
      'was forced closed because an operator said so',
    ],
  );
  t.match(
    tested.lines().map(({ fields }) => fields),
    [{ to: 'open' }, { from: 'closed', to: 'forced-open' }, { from: 'forced-open' }, {}],
    'calls met a closed circuit until then',
  );
});

t.test('a reload keeps the state, and says what calls meet from now on', async (t) => {
  const tested = build({ mode: 'enforce' });
  await tested.play('FFFFF');
  tested.reload({ mode: 'shadow' });
  t.equal(tested.state, 'open');
  t.ok(tested.send().run);
  tested.reload({ mode: 'shadow' });
  tested.reload({ mode: 'enforce' });
  t.equal(tested.state, 'open');
  t.match(await failureOf(tested.send().reply), { reason: 'circuit-open' });
  t.same(
    tested.lines().map(({ level, message }) => [level, message]),
    [
      ['warn', 'circuit of catalog opened because 5 failures in a row reached failureThreshold 5'],
      ['info', 'circuit of catalog closed because its mode is shadow now'],
      ['warn', 'circuit of catalog opened because its mode is enforce now'],
    ],
  );
});

t.test('a reload of a closed circuit says nothing', async (t) => {
  const tested = build({ mode: 'enforce' });
  tested.reload({ mode: 'shadow' });
  tested.reload({ mode: 'enforce' });
  t.same(tested.events, []);
});

const step = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ do: 'start' as const, pick: 0 }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constantFrom('good' as const, 'bad' as const), pick: fc.nat(9) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), pick: fc.nat(400) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom('forced-open' as const, 'forced-closed' as const, 'auto' as const),
      pick: fc.nat(500),
    }),
  },
);

t.test('moves as an enforced circuit does, and notes what that refuses', async (t) => {
  const rules: Partial<Options> = {
    failureThreshold: 3,
    failureRate: { threshold: 0.5, window: 1000, minimumCalls: 6 },
    recoveryTimeout: 300,
    recoveryMultiplier: 2,
    maxRecoveryTimeout: 1000,
    halfOpenMaxCalls: 2,
    successThreshold: 2,
  };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 100 }), async (steps) => {
      const clock = new FakeClock();
      const enforced = build({ ...rules, mode: 'enforce' }, clock);
      const shadowed = build(rules, clock);
      const underWay: (readonly [FakeRun, FakeRun])[] = [];
      for (const { do: what, pick } of steps) {
        if (what === 'start') {
          const isOrder = enforced.circuit.isForced;
          const real = enforced.send();
          const judged = shadowed.send();
          if (isOrder) assert.equal(judged.run === undefined, real.run === undefined);
          else assert.deepEqual(judged.call.shadow, real.run === undefined ? ['circuit-open'] : []);
          if (real.run !== undefined) underWay.push([real.run, judged.run!]);
          // It goes on, and whatever becomes of it changes nothing.
          else judged.run?.fail(new CallError('upstream-reset', 'Cannot'));
        } else if (what === 'wait') {
          await clock.advance(pick);
        } else if (what === 'good' || what === 'bad') {
          const [runs] = underWay.splice(pick % (underWay.length || 1), 1);
          const status = what === 'good' ? 200 : 503;
          for (const run of runs ?? []) run.respond({ status, isComplete: true });
        } else {
          for (const { circuit } of [enforced, shadowed]) circuit.force(what, pick);
        }
        await settle();
        assert.deepEqual(
          { ...shadowed.circuit.snapshot(), mode: '' },
          { ...enforced.circuit.snapshot(), mode: '' },
        );
      }
    }),
    { numRuns: 200 },
  );
  t.pass();
});
