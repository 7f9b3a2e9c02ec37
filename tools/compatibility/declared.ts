/** What cannot be derived from the code. Tests compare each list with what the program does. */
import type { Entries } from './snapshot.js';

/** `test/e2e/added-headers.test.ts` compares them with requests and responses. */
export const headers = {
  /** Breakwater adds them to a request, or changes them there. */
  toUpstream: [
    'Host',
    'traceparent',
    'Via',
    'X-Attempt-Count',
    'X-Deadline',
    'X-Forwarded-For',
    'X-Forwarded-Host',
    'X-Forwarded-Proto',
    'X-Request-Id',
  ],
  /** Breakwater adds them to a response, or writes them in one of its own; without those that every response has. */
  toClient: [
    'Age',
    'Cache-Status',
    'Idempotency-Replayed',
    'Proxy-Status',
    'RateLimit',
    'RateLimit-Policy',
    'Retry-After',
    'X-Breakwater-Attempts',
    'X-Breakwater-Fallback',
    'X-Breakwater-Fault',
    'X-Breakwater-Reason',
    'X-Request-Id',
  ],
  /** A client can send them to tell Breakwater something. */
  fromClient: ['Idempotency-Key', 'traceparent', 'X-Deadline', 'X-Request-Id'],
} as const;

/** `test/commands/exit-codes.test.ts` compares them with what the commands end with. */
export const exitCodes = {
  'run 0': 'drained after a signal',
  'run 1': 'a listener cannot be opened',
  'run 78': 'the configuration has errors',
  'check 0': 'no errors',
  'check 1': 'errors; warnings, too, with --strict',
  'explain 0': 'printed',
  'explain 1': 'no such upstream, or the configuration has errors',
  'simulate 0': 'printed',
  'simulate 1':
    'no such upstream or scenario, no requests to replay, or the configuration has errors',
  'test 0': 'all cases hold',
  'test 1': 'a case does not hold, or has a mistake',
  'schema 0': 'printed',
  'import 0': 'printed',
  'import 1': 'nothing could be read',
  'completion 0': 'printed',
  'inject 0': 'injected, or all was there already',
  'inject 1': 'a workload that cannot have the sidecar, or a file that cannot be read',
  'top 0': 'shown once, or ended by a key or a signal',
  'top 1': 'the admin server cannot be read',
} as const;

/** `Via to upstream`, `Age to client`, `traceparent from client` */
export function listHeaders(): Entries {
  const entries: Entries = {};
  const add = (direction: string, names: readonly string[]) => {
    for (const name of names) entries[`${name} ${direction}`] = {};
  };
  add('to upstream', headers.toUpstream);
  add('to client', headers.toClient);
  add('from client', headers.fromClient);
  return entries;
}
