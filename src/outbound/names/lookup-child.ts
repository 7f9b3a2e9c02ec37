/** The program of the look-up process: it looks up each name that it is sent, and ends with its parent. */
import { systemLookup, type NameAddress } from './lookup.js';

export interface LookupQuestion {
  readonly id: number;
  readonly name: string;
}

export interface LookupResult {
  readonly id: number;
  readonly addresses?: readonly NameAddress[];
  readonly error?: { readonly code: string; readonly message: string };
}

const send = (result: LookupResult): void => {
  // After the end of the parent there is no receiver.
  if (process.connected) process.send!(result);
};

// The terminal sends signals to the whole group; the parent decides when this process ends.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
process.on('disconnect', () => process.exit());
process.on('message', ({ id, name }: LookupQuestion) => {
  systemLookup(name).then(
    (addresses) => send({ id, addresses }),
    ({ code = '', message }: NodeJS.ErrnoException) => send({ id, error: { code, message } }),
  );
});
