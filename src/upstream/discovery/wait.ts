/** What an attempt waits for where no address is known yet. */
import type { Clock } from '../../core/clock.js';
import { ConnectTimeout } from '../../outbound/client.js';
import type { Discovery } from './discovery.js';

/**
 * Calls back once: when there is an address, or with the reason that there is none.
 * @param limitMs 0 for none.
 * @returns what ends the wait without that.
 */
export function waitForAddress(
  discovery: Discovery,
  limitMs: number,
  clock: Clock,
  onEnd: (error?: Error) => void,
): () => void {
  let isOver = false;
  const onTimer = (): void =>
    end(new ConnectTimeout(`its name was not looked up within ${limitMs} ms`));
  const timer = limitMs === 0 ? undefined : clock.schedule(limitMs, onTimer);
  const stop = (): void => {
    isOver = true;
    timer?.cancel();
  };
  const end = (error?: Error): void => {
    if (isOver) return;
    stop();
    onEnd(error);
  };
  void discovery.find().then(end);
  return stop;
}
