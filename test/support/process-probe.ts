/** Loaded into a sidecar before its own code: tells what the process holds, for `held.ts`. */
import { TimerWheel } from '../../src/lib/timer-wheel.js';

/** Each clock has one. */
const wheels = new Set<TimerWheel>();

// `schedule` calls it, too.
const scheduleAt = Reflect.get(TimerWheel.prototype, 'scheduleAt') as TimerWheel['scheduleAt'];
TimerWheel.prototype.scheduleAt = function scheduleAtAndNote(...args) {
  wheels.add(this);
  return scheduleAt.apply(this, args);
};

function tell() {
  const { heapUsed, external, rss } = process.memoryUsage();
  return {
    heapUsed,
    external,
    rss,
    resources: process.getActiveResourcesInfo(),
    timers: [...wheels].reduce((sum, { size }) => sum + size, 0),
  };
}

export type Told = ReturnType<typeof tell>;

Object.assign(globalThis, { breakwaterHeld: tell });
