/** What retries tell, and their metrics. */
import type { CallEvent } from '../../core/events.js';
import type { Counter, Gauge, TracedEvent } from '../../core/instruments.js';
import type { RetryLayer } from './budget.js';

const causes = ['unsent', 'stale', 'reset', 'timeout', 'status'] as const;
const denials = [
  'budget',
  'deadline',
  'body',
  'method',
  'circuit',
  'retry-after',
  'waiting',
] as const;

export type RetryCause = (typeof causes)[number];
export type RetryDenial = (typeof denials)[number];

interface RetryStarted extends CallEvent {
  readonly type: 'retry-started';
  readonly cause: RetryCause;
  /** How long the call has waited for it. */
  readonly delayMs: number;
}

interface RetryDenied extends CallEvent {
  readonly type: 'retry-denied';
  readonly cause: RetryDenial;
}

export type RetryEvent = RetryStarted | RetryDenied;

const retries: Counter<RetryStarted> = {
  kind: 'counter',
  name: 'breakwater_retries_total',
  help: 'Attempts after the first. cause: unsent, stale, reset, timeout or status.',
  event: 'retry-started',
  per: 'upstream',
  labels: { cause: ({ cause }) => cause },
  known: causes.map((cause) => ({ cause })),
};

const denied: Counter<RetryDenied> = {
  kind: 'counter',
  name: 'breakwater_retries_denied_total',
  help: 'Retries that were needed but not made. cause: budget, deadline, body, method, circuit, retry-after or waiting.',
  event: 'retry-denied',
  per: 'upstream',
  labels: { cause: ({ cause }) => cause },
  known: denials.map((cause) => ({ cause })),
};

const budget: Gauge<RetryLayer> = {
  kind: 'gauge',
  name: 'breakwater_retry_budget_remaining',
  help: 'Retries that the budget allows now.',
  per: 'upstream',
  value: ({ budget }) => budget?.remaining(),
};

export const instruments = [retries, denied, budget];

const tracedBackoff: TracedEvent<RetryStarted> = {
  event: 'retry-started',
  name: 'breakwater.backoff',
  when: ({ delayMs }) => delayMs > 0,
  attributes: ({ cause, delayMs }) => ({
    'breakwater.cause': cause,
    'breakwater.delay_ms': Math.round(delayMs),
  }),
};

const tracedDenial: TracedEvent<RetryDenied> = {
  event: 'retry-denied',
  name: 'breakwater.retry_denied',
  attributes: ({ cause }) => ({ 'breakwater.cause': cause }),
};

export const traced = [tracedBackoff, tracedDenial];
