import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import type { EndpointHealth } from '../../../src/upstream/health/endpoint-health.js';
import { HealthWatch } from '../../../src/upstream/health/health-watch.js';
import type { EndpointEvent } from '../../../src/upstream/instruments.js';
import { FakeClock } from '../../support/fake-clock.js';
import { healthCheck } from '../../support/health-options.js';

const ejection = { consecutiveFailures: 2, baseTime: 1000, maxTime: 2500, maxShare: 0.5 };
const slowStart = 3000;

/** The same rules without timers: each end is looked at when it has passed. */
class Plain {
  row = 0;
  ejectedUntil = -1;
  /** Of those that are due at the same time, the one that the watch has ejected, or adopted, first. */
  order = 0;
  times = 0;
  lastReturn = -Infinity;
  drainedUntil = -1;
  isUnhealthy = false;
  checks: boolean[] = [];
  since = -Infinity;
  returns = 0;

  get state(): string {
    if (this.drainedUntil !== -1) return 'drained';
    if (this.ejectedUntil !== -1) return 'ejected';
    return this.isUnhealthy ? 'unhealthy' : 'available';
  }

  change(now: number, change: () => void): void {
    const before = this.state;
    change();
    if (before === 'available' || this.state !== 'available') return;
    this.since = now;
    this.returns += 1;
  }

  /** Ends what is over at `now`, in the order of time. */
  pass(now: number): void {
    const ends = [this.ejectedUntil, this.drainedUntil].filter((end) => end !== -1 && end <= now);
    for (const end of ends.toSorted((a, b) => a - b)) {
      this.change(end, () => {
        if (this.ejectedUntil === end) this.comeBack(end);
        if (this.drainedUntil === end) this.drainedUntil = -1;
      });
    }
  }

  comeBack(now: number): void {
    this.ejectedUntil = -1;
    this.lastReturn = now;
    this.row = 0;
  }

  report(isFailure: boolean, now: number, canEject: boolean): void {
    if (this.ejectedUntil !== -1) return;
    this.row = isFailure ? this.row + 1 : 0;
    if (this.row < ejection.consecutiveFailures || !canEject) return;
    this.times = now - this.lastReturn >= 5 * ejection.baseTime ? 1 : this.times + 1;
    this.ejectedUntil = now + Math.min(ejection.maxTime, this.times * ejection.baseTime);
  }

  check(isGood: boolean, now: number): void {
    this.checks.push(isGood);
    const last = this.checks.slice(-2);
    if (last.length < 2 || last[0] !== last[1]) return;
    this.change(now, () => (this.isUnhealthy = !isGood));
  }

  share(now: number): number {
    return Math.min(1, Math.max(0.01, (now - this.since) / slowStart));
  }

  backIn(now: number): number {
    const { state, ejectedUntil, drainedUntil, since } = this;
    if (state === 'available') return Math.max(0, since + slowStart - now);
    const until = Math.max(ejectedUntil, drainedUntil);
    return until === Infinity || until === -1 ? 0 : until - now;
  }
}

const most = (count: number) => (count < 2 ? 0 : Math.max(1, Math.floor(count / 2)));

const which = fc.nat(4);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('report'), which, is: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('check'), which, is: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('pass'), ms: fc.nat(30) }) },
  fc.record({
    kind: fc.constant('drain'),
    which,
    ms: fc.constantFrom(500, 1700, Infinity),
  }),
  fc.record({ kind: fc.constantFrom('undrain', 'remove', 'add', 'reload'), which }),
);

interface Step {
  readonly kind: string;
  readonly which?: number;
  readonly is?: boolean;
  readonly ms?: number;
}

interface Pair {
  readonly real: EndpointHealth;
  readonly plain: Plain;
}

const byEnd = ({ plain: a }: Pair, { plain: b }: Pair) =>
  a.ejectedUntil - b.ejectedUntil || a.order - b.order;

async function play(count: number, steps: readonly Step[]): Promise<void> {
  const clock = new FakeClock();
  const events: EndpointEvent[] = [];
  const emit = (event: EndpointEvent) => void events.push(event);
  const open = () =>
    new HealthWatch(
      { ejection, healthCheck, slowStart },
      { clock, emit, onChange: () => void (changes += 1) },
    );
  let changes = 0;
  let watch = open();
  const pairs: Pair[] = Array.from({ length: count }, (_, i) => {
    return { real: watch.add(`a${i}`, false), plain: new Plain() };
  });
  let returnsOfGone = 0;
  let orders = 0;
  for (const { kind, which = 0, is = false, ms = 0 } of steps) {
    const now = clock.now();
    const pair = pairs[which % pairs.length]!;
    const { real, plain } = pair;
    const ejected = pairs.filter((each) => each.plain.ejectedUntil !== -1);
    if (kind === 'report') {
      watch.report(real, is);
      const wasIn = plain.ejectedUntil === -1;
      plain.report(is, now, ejected.length < most(pairs.length));
      if (wasIn) plain.order = orders++;
    } else if (kind === 'check') {
      watch.noteCheck(real, is ? undefined : 'no', healthCheck);
      plain.check(is, now);
    } else if (kind === 'drain') {
      watch.drain(real, ms);
      plain.drainedUntil = now + ms;
    } else if (kind === 'undrain') {
      watch.undrain(real);
      plain.change(now, () => (plain.drainedUntil = -1));
    } else if (kind === 'add') {
      pairs.push({
        real: watch.add('new', true),
        plain: Object.assign(new Plain(), { since: now }),
      });
    } else if (kind === 'remove' && pairs.length > 1) {
      watch.remove(real);
      pairs.splice(pairs.indexOf(pair), 1);
      returnsOfGone += plain.returns;
      const left = ejected.filter((each) => each !== pair);
      const dueFirst = left.toSorted(byEnd);
      for (const each of dueFirst.slice(0, Math.max(0, left.length - most(pairs.length))))
        each.plain.change(now, () => each.plain.comeBack(now));
    } else if (kind === 'reload') {
      const previous = watch;
      watch = open();
      for (const each of pairs) {
        watch.adopt(each.real);
        each.plain.order = orders++;
      }
      previous.close();
    }
    await clock.advance(kind === 'pass' ? ms * 100 : 0);
    for (const each of pairs) {
      each.plain.pass(clock.now());
      assert.equal(each.real.state, each.plain.state);
      assert.equal(each.real.consecutiveFailures, each.plain.row);
      assert.equal(each.real.shareAt(clock.now()), each.plain.share(clock.now()));
      assert.equal(each.real.backInMs(clock.now()), each.plain.backIn(clock.now()));
    }
  }
  const returns = pairs.reduce((sum, { plain }) => sum + plain.returns, returnsOfGone);
  assert.equal(events.filter(({ type }) => type === 'endpoint-returned').length, returns);
  assert.ok(changes >= returns, 'each return is told');
  watch.close();
  assert.equal(clock.pending, 0);
}

t.test('agrees with plain rules that are looked at step by step', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 5 }), fc.array(step, { maxLength: 80 }), play),
  );
  t.pass();
});
