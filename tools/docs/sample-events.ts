/** One event of each type, for metrics and logs that shall have a sample of everything. */
import type { AttemptFinished, ExchangeFinished, ExchangeSummary } from '../../src/core/events.js';
import type { ShadowRefused } from '../../src/core/shadow.js';
import type { QueueEvent, WouldAdmit } from '../../src/policies/bulkhead/instruments.js';
import type { CircuitMoved } from '../../src/policies/circuit-breaker/states.js';
import type { FallbackUsed } from '../../src/policies/fallback/instruments.js';
import type { FaultInjected } from '../../src/policies/fault/instruments.js';
import type { Hedged } from '../../src/policies/hedge/instruments.js';
import type { IdempotencyDecided } from '../../src/policies/idempotency/instruments.js';
import type { RateLimited } from '../../src/policies/rate-limit/instruments.js';
import type { RetryEvent } from '../../src/policies/retry/instruments.js';
import type { EndpointEvent } from '../../src/upstream/instruments.js';

export type KnownEvent =
  | ExchangeFinished
  | AttemptFinished
  | CircuitMoved
  | EndpointEvent
  | FallbackUsed
  | FaultInjected
  | Hedged
  | IdempotencyDecided
  | QueueEvent
  | RateLimited
  | RetryEvent
  | ShadowRefused
  | WouldAdmit;

/** One of each type. */
export const oneOfEach = (summary: ExchangeSummary): readonly KnownEvent[] => [
  { type: 'exchange-finished', summary },
  {
    type: 'attempt-finished',
    result: 'success',
    error: undefined,
    isUpstreams: false,
    headersMs: 1,
    trace: undefined,
  },
  { type: 'retry-started', cause: 'reset', delayMs: 1, call: undefined },
  { type: 'retry-denied', cause: 'budget', call: undefined },
  { type: 'fallback-used', source: 'cache', call: undefined },
  { type: 'hedged', result: 'won', call: undefined },
  { type: 'fault-injected', kind: 'delay', call: undefined },
  { type: 'order-ended', policy: 'fault' },
  { type: 'rate-limited' },
  { type: 'bulkhead-admitted', waitedMs: 1, call: undefined },
  { type: 'bulkhead-left', waitedMs: 1, call: undefined },
  { type: 'idempotency-decided', result: 'stored' },
  {
    type: 'circuit-moved',
    from: 'closed',
    to: 'open',
    rule: 'failureThreshold',
    observed: 5,
    threshold: 5,
  },
  {
    type: 'circuit-moved-in-shadow',
    from: 'closed',
    to: 'open',
    rule: 'failureThreshold',
    observed: 5,
    threshold: 5,
  },
  { type: 'bulkhead-would-admit', waitedMs: 1 },
  { type: 'shadow-refused', policy: 'rateLimit', reason: 'rate-limited' },
  { type: 'endpoint-ejected', address: '10.0.0.1:8080', failures: 5, forMs: 10_000 },
  { type: 'endpoint-returned', address: '10.0.0.1:8080', from: 'ejected' },
  { type: 'endpoint-unhealthy', address: '10.0.0.1:8080', failures: 3, error: 'status 500' },
  { type: 'endpoint-drained', address: '10.0.0.1:8080', forMs: 600_000 },
  { type: 'health-checked', result: 'success' },
  {
    type: 'name-resolved',
    name: 'catalog.internal',
    result: 'success',
    addresses: ['10.0.0.1'],
    error: undefined,
    isNews: true,
  },
  { type: 'endpoints-panicked', isNews: true },
];
