/** Breaks of long work, in which calls are served. */
import { setImmediate, setTimeout } from 'node:timers/promises';

/** Resolves when the next piece of work may be done. */
export type Break = () => Promise<void>;

/** ms of work before a rest. */
const WORK_MS = 0.5;
/** A rest is this many times as long as the work before it. */
const REST = 3;

/**
 * All who share it take turns, one piece of work each. Together they work about a quarter of the time, however many they are:
 * twenty scrapes that are written to their sockets in one turn of the event loop would delay calls twenty times as long.
 */
export function createBreaks(): Break {
  let last = Promise.resolve();
  let workedMs = 0;
  const endTurn = async () => {
    const startedMs = performance.now();
    // What others make of a piece, such as writing it to sockets, counts as work too.
    await setImmediate();
    workedMs += performance.now() - startedMs;
    if (workedMs < WORK_MS) return;
    await setTimeout(workedMs * REST);
    workedMs = 0;
  };
  return () => {
    const granted = last;
    last = granted.then(endTurn);
    return granted;
  };
}
