/** What the bulkhead tells, and its metrics. */
import type { Gauge, Histogram } from '../../core/instruments.js';
import type { BulkheadLayer } from './bulkhead.js';

/** A call has its slot. */
export interface Admitted {
  readonly type: 'bulkhead-admitted';
  readonly waitedMs: number;
}

const wait: Histogram<Admitted> = {
  kind: 'histogram',
  name: 'breakwater_bulkhead_wait_seconds',
  help: 'Time for which admitted calls waited for a slot.',
  event: 'bulkhead-admitted',
  // Queues are for short waits.
  bounds: [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 10],
  value: ({ waitedMs }) => waitedMs / 1000,
};

const active: Gauge<BulkheadLayer> = {
  kind: 'gauge',
  name: 'breakwater_bulkhead_active',
  help: 'Slots in use.',
  per: 'route',
  value: ({ bulkhead }) => bulkhead.active,
};

const queued: Gauge<BulkheadLayer> = {
  kind: 'gauge',
  name: 'breakwater_bulkhead_queued',
  help: 'Calls waiting for a slot.',
  per: 'route',
  value: ({ bulkhead }) => bulkhead.queued,
};

const limit: Gauge<BulkheadLayer> = {
  kind: 'gauge',
  name: 'breakwater_bulkhead_limit',
  help: 'Number of slots.',
  per: 'route',
  value: ({ bulkhead }) => bulkhead.limit,
};

export const instruments = [active, queued, limit, wait];
