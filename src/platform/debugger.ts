/** No signal opens Node's debugger: with it, any local process that can send a signal could run its code in here. */
import inspector from 'node:inspector';

const ASKED = /--inspect(?:-brk|-wait)?(?:[=\s]|$)/;

let hasCome = false;

/**
 * Call it before anything else is loaded. SIGUSR1 opens the debugger until a listener is there, also before the first
 * line of the program runs: what it has opened by then is closed again.
 */
export function guardDebugger(): void {
  process.on('SIGUSR1', () => (hasCome = true));
  closeOpened();
  // A signal that came just before the listener takes effect a turn later.
  setImmediate(closeOpened);
}

/** Whether a SIGUSR1 has come so far, also one that came before this process listened. */
export const hasSignalCome = (): boolean => hasCome;

/** One that the command line asks for stays. */
function closeOpened(): void {
  const asked = `${process.execArgv.join(' ')} ${process.env['NODE_OPTIONS'] ?? ''}`;
  if (inspector.url() === undefined || ASKED.test(asked)) return;
  hasCome = true;
  inspector.close();
}
