/** The signals that stop the process. */
import { hasSignalCome } from './debugger.js';

export interface StopSignals {
  /** Resolves with the first signal to stop. */
  readonly first: Promise<NodeJS.Signals>;
}

const DRAIN_ONLY = ['SIGQUIT', 'SIGUSR1'] as const;
const DRAIN_OR_END = ['SIGTERM', 'SIGINT'] as const;

/**
 * As process 1 of a container, a signal without a listener would be lost; elsewhere it would end the process.
 * @param end is called for a SIGTERM or SIGINT that comes while the process drains. SIGQUIT and SIGUSR1 change nothing then.
 */
export function listenForStop(end: () => void): StopSignals {
  let isStopping = false;
  const first = new Promise<NodeJS.Signals>((resolve) => {
    const stop = (signal: NodeJS.Signals): void => {
      isStopping = true;
      resolve(signal);
    };
    for (const signal of DRAIN_ONLY) process.on(signal, stop);
    for (const signal of DRAIN_OR_END) {
      process.on(signal, () => (isStopping ? end() : stop(signal)));
    }
    process.on('SIGUSR2', () => {});
    if (hasSignalCome()) stop('SIGUSR1');
    else setImmediate(() => hasSignalCome() && stop('SIGUSR1'));
  });
  return { first };
}
