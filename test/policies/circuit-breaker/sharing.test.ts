/** Circuits of several replicas that tell each other what they find out. */
import t from 'tap';
import { circuitBreaker as policy } from '../../../src/policies/circuit-breaker/index.js';
import type { CircuitBreakerSettings } from '../../../src/policies/circuit-breaker/index.js';
import { fakeAttempt, fakeCall, fakeContext } from '../../support/fake-call.js';
import { FakeClock } from '../../support/fake-clock.js';
import { FakeStage } from '../../support/fake-stage.js';
import { FakeStore } from '../../support/fake-store.js';
import { settingsOf } from '../../support/settings.js';

type Options = Exclude<CircuitBreakerSettings['circuitBreaker'], 'off'>;

const defaults = {
  ...settingsOf('circuitBreaker'),
  shared: true,
  failureThreshold: 2,
  recoveryTimeout: 1000,
  successThreshold: 1,
  halfOpenMaxCalls: 1,
} as Options;

/** One replica. */
function build(options: Partial<Options> = {}) {
  const clock = new FakeClock();
  const store = new FakeStore(clock);
  const context = fakeContext(clock, { store, upstream: 'pay' });
  const settings = { circuitBreaker: { ...defaults, ...options } };
  const layer = policy.create(settings, context)!;
  const next = new FakeStage();
  const wrapped = layer.wrap(next);
  const NAME = 'circuit:pay/';
  return {
    clock,
    store,
    context,
    layer,
    circuit: layer.circuit,
    respond: async (status: number): Promise<void> => {
      const reply = wrapped.run(fakeAttempt(fakeCall()));
      next.last.respond({ status, isComplete: true });
      await reply;
    },
    hear: (finding: object, leftMs: number) => store.hear(NAME, JSON.stringify(finding), leftMs),
    told: () => store.told.map(({ text }) => JSON.parse(text) as Record<string, unknown>),
    state: () => layer.circuit.snapshot().state,
    moves: () => context.events.filter(({ type }) => type === 'circuit-moved'),
  };
}

const opening = { token: 'x', kind: 'open', recoveryMs: 1000, why: '5 failures in a row' };
const closing = { token: 'y', kind: 'closed' };

t.test('tells its openings with their end, and its closings, each once', async (t) => {
  const { respond, clock, store, told, state } = build();
  await respond(500);
  await respond(500);
  t.match(store.told, [{ name: 'circuit:pay/', ttlMs: 1000 }]);
  t.match(told(), [{ kind: 'open', recoveryMs: 1000, why: '2 failures in a row' }]);
  await clock.advance(1000);
  t.equal(state(), 'half-open');
  t.equal(store.told.length, 1, 'to probe is no finding');
  await respond(500);
  t.match(told().slice(1), [{ kind: 'open', why: 'a probe failed' }]);
  await clock.advance(1000);
  await respond(200);
  t.match(told().slice(2), [{ kind: 'closed' }]);
  const tokens = new Set(told().map(({ token }) => token));
  t.equal(tokens.size, 3, 'each finding has a token of its own');
});

t.test('opens for what is left of the recovery time, then probes by itself', async (t) => {
  const { respond, clock, circuit, hear, store, state, moves } = build();
  t.equal(hear(opening, 400), 1);
  t.match(circuit.snapshot(), { state: 'open', isTold: true, retryAfterMs: 400 });
  t.match(circuit.refusal(), {
    why: /^open: 5 failures in a row, as another replica found; probing/,
  });
  t.match(moves(), [{ from: 'closed', to: 'open', rule: 'told', observed: 400, threshold: 1000 }]);
  t.equal(store.told.length, 0, 'no echo');
  await clock.advance(399);
  t.equal(state(), 'open');
  await clock.advance(1);
  t.match(circuit.snapshot(), { state: 'half-open', isTold: true });
  await respond(500);
  t.match(circuit.snapshot(), { state: 'open', isTold: false, retryAfterMs: 1000 });
  t.equal(store.told.length, 1, 'this it has found out by itself');
});

t.test('a told closing ends what was told, and nothing that it found by itself', async (t) => {
  const own = build();
  await own.respond(500);
  await own.respond(500);
  own.hear(closing, 1000);
  t.equal(own.state(), 'open', 'it has judged for itself');
  const told = build();
  told.hear(opening, 400);
  told.hear(closing, 1000);
  t.match(told.circuit.snapshot(), { state: 'closed', isTold: false });
  t.match(told.moves().at(-1), { from: 'open', to: 'closed', rule: 'told' });
  t.equal(told.store.told.length, 0);
  const probing = build();
  probing.hear(opening, 400);
  await probing.clock.advance(400);
  t.equal(probing.state(), 'half-open');
  probing.hear(closing, 1000);
  t.equal(probing.state(), 'closed');
});

t.test('an opening is heard once, and only by a closed circuit', async (t) => {
  const { respond, clock, hear, state, circuit } = build();
  hear(opening, 400);
  await clock.advance(400);
  await respond(200);
  t.equal(state(), 'closed');
  hear(opening, 400);
  t.equal(state(), 'closed', 'it has been heard already');
  hear({ ...opening, token: 'z' }, 400);
  t.equal(state(), 'open');
  hear({ ...opening, token: 'later' }, 5000);
  t.equal(circuit.snapshot().retryAfterMs, 400, 'what is open stays as it is');
});

t.test('forced states are not told, and hear nothing', async (t) => {
  const { circuit, hear, store, state } = build();
  circuit.force('forced-open', 1000);
  circuit.force('auto');
  circuit.force('forced-closed');
  hear(opening, 400);
  t.equal(state(), 'forced-closed');
  t.equal(store.told.length, 0);
});

t.test('its own bounds hold for what is told', async (t) => {
  const { circuit, hear } = build({ maxRecoveryTimeout: 500 });
  hear({ ...opening, recoveryMs: 60_000 }, 60_000);
  t.equal(circuit.snapshot().retryAfterMs, 500);
});

t.test('ignores what no circuit has told, and its own findings', async (t) => {
  const { respond, clock, store, state } = build();
  const texts = ['', 'no JSON', 'null', '7', '{}', '{"token":1,"kind":"closed"}'];
  const wrong = [
    { ...opening, recoveryMs: 'soon' },
    { ...opening, recoveryMs: -1 },
    { ...opening, why: 7 },
    { ...opening, kind: 'half-open' },
  ];
  for (const text of [...texts, ...wrong.map((each) => JSON.stringify(each))]) {
    store.hear('circuit:pay/', text, 1000);
    t.equal(state(), 'closed', text);
  }
  await respond(500);
  await respond(500);
  await clock.advance(1000);
  await respond(200);
  store.hear('circuit:pay/', store.told.at(-1)!.text, 1000);
  t.equal(state(), 'closed');
});

t.test('over a reload it hears with one ear, and not again what it has heard', async (t) => {
  const { respond, clock, context, hear, layer, state, store } = build();
  hear(opening, 400);
  await clock.advance(400);
  await respond(200);
  const next = policy.create({ circuitBreaker: defaults }, context, layer)!;
  layer.retire?.();
  t.equal(hear(opening, 400), 1);
  t.equal(state(), 'closed');
  hear({ ...opening, token: 'new' }, 400);
  t.equal(next.circuit.snapshot().state, 'open');
  const alone = policy.create({ circuitBreaker: { ...defaults, shared: false } }, context, next)!;
  next.retire?.();
  t.equal(hear({ ...opening, token: 'newer' }, 400), 0, 'the option is off now');
  t.equal(alone.retire, undefined);
  const toldBefore = store.told.length;
  await clock.advance(400);
  await respond(500);
  t.equal(state(), 'open');
  t.equal(store.told.length, toldBefore, 'nor does it tell what it finds out');
});

t.test('a circuit that is not shared tells and hears nothing', async (t) => {
  const { respond, hear, store } = build({ shared: false });
  await respond(500);
  await respond(500);
  t.equal(store.told.length, 0);
  t.equal(hear(opening, 400), 0);
});
