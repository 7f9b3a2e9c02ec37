/** What idempotency keys come to, and their metric. */
import type { Counter } from '../../core/instruments.js';

/** `error`: the store could not be asked or told, so the call went on without it, or was refused (`failClosed`). */
export type IdempotencyResult = 'stored' | 'replayed' | 'conflict' | 'mismatch' | 'error';

export interface IdempotencyDecided {
  readonly type: 'idempotency-decided';
  readonly result: IdempotencyResult;
}

const results: Counter<IdempotencyDecided> = {
  kind: 'counter',
  name: 'breakwater_idempotency_total',
  help: 'Requests with idempotency keys. result: stored, replayed, conflict, mismatch, or error (the store could not be used).',
  event: 'idempotency-decided',
  per: 'upstream',
  labels: { result: ({ result }) => result },
};

export const instruments = [results];
