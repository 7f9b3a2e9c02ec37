/** Notices that the configuration file has changed, however that was done. */
import { unwatchFile, watchFile as watchStat } from 'node:fs';
import type { Clock, Timer } from '../core/clock.js';

/** How often the file is looked at, in ms. */
const POLL_MS = 500;

/** Quiet time before a change is reported, in ms: a program that writes in place may not have finished. */
const SETTLE_MS = 100;

export interface Watcher {
  close(): void;
}

/**
 * Polls what the path leads to, so that an edit in place, a file renamed over it and the swap of a symbolic link on the
 * way to it (as Kubernetes updates a ConfigMap) look the same; change notifications miss one or the other, and most
 * network file systems send none.
 */
export function watchFile(file: string, clock: Clock, onChange: () => void): Watcher {
  let timer: Timer | undefined;
  const onStat = (): void => {
    timer?.cancel();
    timer = clock.schedule(SETTLE_MS, onChange);
  };
  watchStat(file, { interval: POLL_MS }, onStat);
  return {
    close() {
      timer?.cancel();
      unwatchFile(file, onStat);
    },
  };
}
