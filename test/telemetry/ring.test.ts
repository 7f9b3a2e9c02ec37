import t from 'tap';
import { Ring, SLOTS } from '../../src/telemetry/stream/ring.js';

t.test('a slot has its counts and latencies, and the slots before keep theirs', async (t) => {
  const ring = new Ring(7);
  for (let i = 0; i < 10; i++) ring.countCall(7, 'good');
  ring.countCall(7, 'failed');
  ring.countCall(7, 'refused');
  ring.countCall(7, 'degraded');
  ring.countCall(7, 'left');
  ring.countAttempt(7, 10);
  ring.countAttempt(7, undefined);
  ring.countCall(8, 'failed');
  const history = ring.history(8);
  t.equal(history.length, SLOTS);
  t.match(history.at(-2), { calls: 13, failed: 1, refused: 1, circuit: 'closed' });
  t.ok(history.at(-2)!.degradedShare >= 1 / 13);
  t.ok(history.at(-2)!.p99! >= 10 && history.at(-2)!.p99! <= 12.5);
  t.match(history.at(-1), { calls: 1, failed: 1, refused: 0, degradedShare: 0, p50: null });
  t.same(ring.before(8), history.at(-2));
  t.same(ring.current(8), history.at(-1));
});

t.test('slots without calls are empty, and nothing is older than 15 minutes', async (t) => {
  const ring = new Ring(0);
  ring.countCall(0, 'failed');
  t.same(
    ring
      .history(3)
      .map(({ calls }) => calls)
      .slice(-5),
    [0, 1, 0, 0, 0],
  );
  t.equal(ring.history(SLOTS - 1)[0]?.calls, 1, 'the oldest slot');
  t.ok(ring.history(SLOTS).every(({ calls }) => calls === 0));
  ring.countCall(10 * SLOTS + 3, 'good');
  t.equal(ring.history(10 * SLOTS + 3).filter(({ calls }) => calls > 0).length, 1);
});

t.test(
  'the last 15 seconds weigh the slot before by what is missing of the current one',
  async (t) => {
    const ring = new Ring(0);
    for (let i = 0; i < 60; i++) ring.countCall(0, 'good');
    for (let i = 0; i < 30; i++) ring.countAttempt(0, 100);
    t.match(ring.recent(1, 0), { calls: 60, failed: 0, attempts: 30 });
    for (let i = 0; i < 10; i++) ring.countCall(1, 'failed');
    for (let i = 0; i < 90; i++) ring.countAttempt(1, 1000);
    const recent = ring.recent(1, 0.25);
    t.match(recent, { calls: 55, failed: 10, attempts: 112.5 });
    t.ok(recent.latencyMs!.p50 > 900, 'most attempts were slow');
    t.equal(ring.recent(3, 0.5).latencyMs, null, 'two slots later all of it is over');
    t.equal(ring.recent(3, 0.5).calls, 0);
  },
);

t.test(
  'a circuit stays in its state, and of several states in a slot the weightiest is kept',
  async (t) => {
    const ring = new Ring(0);
    ring.noteCircuit(1, 'open');
    ring.noteCircuit(1, 'half-open');
    ring.countCall(4, 'good');
    ring.noteCircuit(4, 'closed');
    t.same(
      ring
        .history(6)
        .map(({ circuit }) => circuit)
        .slice(-7),
      ['closed', 'open', 'half-open', 'half-open', 'half-open', 'closed', 'closed'],
    );
  },
);

t.test('ten thousand rings take less than 2 KiB each', async (t) => {
  const held: Ring[] = [];
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 10_000; i++) held.push(new Ring(0));
  const each = (process.memoryUsage().arrayBuffers - before) / held.length;
  t.ok(each > 1000 && each < 1700, `${each} bytes of arrays, and some 300 of objects`);
});
