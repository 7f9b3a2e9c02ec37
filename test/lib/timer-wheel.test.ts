import * as fc from 'fast-check';
import t from 'tap';
import type { Timer } from '../../src/core/clock.js';
import { TimerWheel } from '../../src/lib/timer-wheel.js';

/** Time that a test moves, and the one timer that a wheel may have in it. */
class FakeHost {
  nowMs: number;
  wakeAtMs = Infinity;
  isBusy = false;
  wakes = 0;
  readonly wheel: TimerWheel;

  constructor(nowMs = 0) {
    this.nowMs = nowMs;
    this.wheel = new TimerWheel({
      now: () => this.nowMs,
      wakeIn: (delayMs) => {
        this.wakeAtMs = this.nowMs + delayMs;
      },
      setBusy: (isBusy) => {
        this.isBusy = isBusy;
      },
    });
  }

  /** @param lateMs by which the host is late each time. */
  advance(ms: number, lateMs = 0): void {
    const endMs = this.nowMs + ms;
    while (this.wakeAtMs <= endMs) {
      this.nowMs = Math.max(this.nowMs, this.wakeAtMs + lateMs);
      this.wakeAtMs = Infinity;
      this.wakes += 1;
      this.wheel.wake();
    }
    this.nowMs = Math.max(this.nowMs, endMs);
  }
}

const delay = fc.oneof(
  fc.double({ min: 0, max: 50, noNaN: true }),
  fc.integer({ min: 0, max: 5_000 }),
  fc.integer({ min: 0, max: 100_000_000 }),
);

t.test('a timer wheel', async (t) => {
  t.test('it runs each timer once, when it is due and no more than a tick later', async (t) => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1e9, noNaN: true }),
        fc.array(fc.tuple(delay, delay, fc.boolean()), { maxLength: 40 }),
        (startMs, steps) => {
          const host = new FakeHost(startMs);
          const live = new Map<number, { dueMs: number; timer: Timer }>();
          const faults: string[] = [];
          steps.forEach(([delayMs, restMs, cancelsOne], id) => {
            const dueMs = host.nowMs + delayMs;
            const run = (): void => {
              if (!live.delete(id)) faults.push(`${id} ran although it should not`);
              if (host.nowMs < dueMs) faults.push(`${id} was ${dueMs - host.nowMs} ms early`);
              if (host.nowMs > dueMs + 2) faults.push(`${id} was ${host.nowMs - dueMs} ms late`);
            };
            live.set(id, { dueMs, timer: host.wheel.schedule(delayMs, run) });
            const [victim] = live.keys();
            if (cancelsOne && victim !== undefined) {
              live.get(victim)!.timer.cancel();
              live.delete(victim);
            }
            host.advance(restMs);
            if (host.wheel.size !== live.size) faults.push(`size ${host.wheel.size}`);
          });
          host.advance(100_000_002);
          t.strictSame(faults, []);
          t.equal(live.size, 0);
          t.equal(host.wheel.size, 0);
        },
      ),
      { numRuns: 300 },
    );
  });

  t.test('it runs timers in the order they are due', async (t) => {
    const host = new FakeHost();
    const ran: number[] = [];
    for (const ms of [40_000, 3, 70, 1_500, 4]) host.wheel.schedule(ms, () => ran.push(ms));
    host.advance(50_000);
    t.strictSame(ran, [3, 4, 70, 1_500, 40_000]);
  });

  t.test('it takes instants as well as delays, also those that are over', async (t) => {
    const host = new FakeHost(1000);
    const ran: [string, number][] = [];
    host.wheel.scheduleAt(1500.5, () => ran.push(['later', host.nowMs]));
    host.wheel.scheduleAt(200, () => ran.push(['over', host.nowMs]));
    host.wheel.schedule(100, () => ran.push(['delay', host.nowMs]));
    host.advance(1000);
    t.strictSame(ran, [
      ['over', 1001],
      ['delay', 1100],
      ['later', 1501],
    ]);
  });

  t.test('it waits for timers beyond the reach of its slots', async (t) => {
    const host = new FakeHost();
    const month = 30 * 24 * 3600 * 1000;
    let ranAtMs = 0;
    host.wheel.schedule(month, () => (ranAtMs = host.nowMs));
    host.advance(2 * month);
    t.equal(ranAtMs, month);
  });

  t.test('it goes on where timers set others and the host is late', async (t) => {
    fc.assert(
      fc.property(
        fc.nat(2000),
        fc.array(fc.nat(3000), { minLength: 1, maxLength: 3 }),
        fc.array(fc.tuple(fc.nat(500), fc.nat(3000)), { minLength: 1, maxLength: 30 }),
        (startMs, delaysMs, steps) => {
          const host = new FakeHost(startMs);
          const faults: string[] = [];
          let runs = 0;
          const again = (delayMs: number): void => {
            const dueMs = host.nowMs + delayMs;
            host.wheel.schedule(delayMs, () => {
              runs += 1;
              if (host.nowMs < dueMs) faults.push(`${dueMs - host.nowMs} ms early`);
              if (runs < 5000) again(delayMs);
            });
          };
          for (const delayMs of delaysMs) again(delayMs);
          for (const [ms, lateMs] of steps) host.advance(ms, lateMs);
          // Whatever was late before is made up for.
          const before = runs;
          host.advance(7000);
          t.strictSame(faults, []);
          t.ok(runs > before || runs >= 5000);
        },
      ),
      { numRuns: 300 },
    );
    // The case that hung: a timer alone, set anew a whole turn of the wheel late.
    for (let lateMs = 0; lateMs < 100; lateMs++) {
      const host = new FakeHost();
      let runs = 0;
      const sample = (): void => {
        runs += 1;
        host.wheel.schedule(10, sample);
      };
      host.wheel.schedule(10, sample);
      host.advance(1000, lateMs);
      t.ok(runs > 5);
    }
  });

  t.test('it drops a timer that another one of the same tick has cancelled', async (t) => {
    const host = new FakeHost();
    let hasRun = false;
    host.wheel.schedule(5, () => second.cancel());
    const second = host.wheel.schedule(5, () => (hasRun = true));
    host.advance(10);
    t.equal(hasRun, false);
    t.equal(host.wheel.size, 0);
  });

  t.test('it takes a cancel after the run for none', async (t) => {
    const host = new FakeHost();
    const timer = host.wheel.schedule(5, () => {});
    host.wheel.schedule(50, () => {});
    host.advance(10);
    timer.cancel();
    timer.cancel();
    t.equal(host.wheel.size, 1);
  });

  t.test('it keeps the process running only while a timer is left', async (t) => {
    const host = new FakeHost();
    const timer = host.wheel.schedule(5, () => {});
    t.equal(host.isBusy, true);
    timer.cancel();
    t.equal(host.isBusy, false);
    host.wheel.schedule(5, () => {});
    host.advance(10);
    t.equal(host.isBusy, false);
  });

  t.test('it wakes seldom for timers that are cancelled before they are due', async (t) => {
    const host = new FakeHost();
    for (let i = 0; i < 60_000; i++) {
      const timers = [2_000, 10_000, 35_000].map((ms) => host.wheel.schedule(ms, () => {}));
      host.advance(1);
      for (const timer of timers) timer.cancel();
    }
    t.ok(host.wakes <= 120, `${host.wakes} wakes in 60 s`);
  });
});
