/** The clock of the machine. */
import type { Clock } from '../core/clock.js';
import { TimerWheel } from '../lib/timer-wheel.js';
import { TurnEnd } from '../lib/turn-end.js';

/** The process's own time. Each clock drives all of its timers with one of Node's. */
export function createSystemClock(): Clock {
  let timeout: NodeJS.Timeout | undefined;
  const wheel: TimerWheel = new TimerWheel({
    now: () => performance.now(),
    wakeIn(delayMs) {
      clearTimeout(timeout);
      timeout = setTimeout(() => wheel.wake(), delayMs);
    },
    setBusy(isBusy) {
      if (isBusy) timeout?.ref();
      else timeout?.unref();
    },
  });
  const turnEnd = new TurnEnd(setImmediate);
  return {
    now: () => performance.now(),
    wallNow: () => Date.now(),
    schedule: (delayMs, callback) => wheel.schedule(delayMs, callback),
    scheduleAt: (atMs, callback) => wheel.scheduleAt(atMs, callback),
    atTurnEnd: (task) => turnEnd.add(task),
  };
}
