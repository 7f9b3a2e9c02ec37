/** Breaks of long work, in which calls are served. */
import { setImmediate, setTimeout } from 'node:timers/promises';

export type Break = () => Promise<void>;

/** ms of work before a rest. */
const WORK_MS = 0.5;
/** A rest is this many times as long as the work before it. */
const REST = 3;

/** The work takes about a quarter of the time, however much there is. */
export function createBreaks(): Break {
  let workedMs = 0;
  let startedMs = performance.now();
  return async () => {
    // What others make of a piece, such as writing it to sockets, counts as work too.
    await setImmediate();
    workedMs += performance.now() - startedMs;
    if (workedMs >= WORK_MS) {
      await setTimeout(workedMs * REST);
      workedMs = 0;
    }
    startedMs = performance.now();
  };
}
