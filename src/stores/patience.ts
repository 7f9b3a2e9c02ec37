/** Waits for a server without blaming it for the time in which this process was busy. */
import type { Clock, Timer } from '../core/clock.js';

/** Parts of a wait. A part counts once, however long this process took to notice that it was over. */
const PARTS = 10;

/** The server did not respond in time. The operation may have arrived all the same. */
export class LateError extends Error {}

/**
 * Settles as `reply` does.
 * @throws LateError after `limitMs` in which this process could have read the response.
 */
export function waitFor<T>(reply: Promise<T>, limitMs: number, clock: Clock): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let timer: Timer | undefined;
    let isOver = false;
    let parts = 0;
    const end = (): void => {
      isOver = true;
      timer?.cancel();
    };
    const waitOnePart = (): void => {
      // Timers come first in the event loop, then sockets, then this: the response may be here, unread.
      timer = clock.schedule(limitMs / PARTS, () => setImmediate(partIsOver));
    };
    const partIsOver = (): void => {
      if (isOver) return;
      parts += 1;
      if (parts < PARTS) return waitOnePart();
      end();
      reject(new LateError(`it did not respond within ${limitMs} ms`));
    };
    waitOnePart();
    reply.finally(end).then(resolve, reject);
  });
}
