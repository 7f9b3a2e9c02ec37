/** The metrics that belong to no policy: of exchanges, and of attempts. */
import type { AttemptFinished, ExchangeFinished } from '../../core/events.js';
import type { Counter, Histogram, Instrument } from '../../core/instruments.js';
import { attemptResults } from '../../core/outcome.js';

/** A 101 is how an upgrade succeeds. */
function statusClass(status: number): string {
  if (status === 499) return '499';
  if (status < 300) return '2xx';
  if (status < 400) return '3xx';
  return status < 500 ? '4xx' : '5xx';
}

const requests: Counter<ExchangeFinished> = {
  kind: 'counter',
  name: 'breakwater_requests_total',
  help: 'Exchanges that ended. status: 2xx to 5xx, or 499 for a client that left. reason: why Breakwater sent its own response, cut the response or used a fallback; otherwise empty.',
  event: 'exchange-finished',
  per: 'route',
  labels: {
    status: ({ summary }) => statusClass(summary.status),
    reason: ({ summary }) => summary.reason,
  },
};

const grpcRequests: Counter<ExchangeFinished> = {
  kind: 'counter',
  name: 'breakwater_grpc_requests_total',
  help: 'gRPC calls that ended. code: the status that the client got, by its name; CANCELLED for a client that left.',
  event: 'exchange-finished',
  per: 'route',
  labels: { code: ({ summary }) => summary.grpcCode! },
  when: ({ summary }) => summary.grpcCode !== undefined,
};

/** From a local call to the longest response that a default `total` allows, and one beyond it. */
const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

const durations: Histogram<ExchangeFinished> = {
  kind: 'histogram',
  name: 'breakwater_request_duration_seconds',
  help: 'Time from the head of a request to the end of its exchange.',
  event: 'exchange-finished',
  per: 'route',
  labels: {},
  bounds,
  value: ({ summary }) => summary.durationMs / 1000,
  trace: ({ summary }) => summary.trace,
};

const attempts: Counter<AttemptFinished> = {
  kind: 'counter',
  name: 'breakwater_attempts_total',
  help: 'Attempts. outcome: success, failure (a 5xx, or a gRPC status that means as much), timeout, unsent, reset or cancelled.',
  event: 'attempt-finished',
  per: 'upstream',
  labels: { outcome: ({ result }) => result },
  known: attemptResults.map((outcome) => ({ outcome })),
};

const attemptDurations: Histogram<AttemptFinished> = {
  kind: 'histogram',
  name: 'breakwater_attempt_duration_seconds',
  help: 'Time from the start of an attempt to the headers of its response, or to its end if it had none. outcome: as for breakwater_attempts_total.',
  event: 'attempt-finished',
  per: 'upstream',
  labels: { outcome: ({ result }) => result },
  bounds,
  value: ({ headersMs }) => headersMs / 1000,
  trace: ({ trace }) => trace,
};

/** @param shownReasons those whose count is shown from the start: with them a policy refuses a call. */
export function exchangeInstruments(shownReasons: readonly string[]): readonly Instrument[] {
  const refusals = new Set(shownReasons);
  const rejections: Counter<ExchangeFinished> = {
    kind: 'counter',
    name: 'breakwater_rejections_total',
    help: 'Calls that a policy refused, or that got a response of Breakwater without an attempt.',
    event: 'exchange-finished',
    per: 'upstream',
    labels: { reason: ({ summary }) => summary.reason },
    // A bulkhead refuses one stream too many when its response has begun.
    when: ({ summary: { attempts, reason } }) =>
      reason !== '' && (attempts === 0 || refusals.has(reason)),
    known: shownReasons.map((reason) => ({ reason })),
  };
  return [requests, grpcRequests, durations, attempts, attemptDurations, rejections];
}
