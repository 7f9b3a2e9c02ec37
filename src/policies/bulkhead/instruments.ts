/** What the bulkhead tells, and its metrics. */
import type { CallEvent } from '../../core/events.js';
import type { Gauge, Histogram, TracedEvent } from '../../core/instruments.js';
import { limitOf, type BulkheadLayer } from './layer.js';

/** A call has its slot: its first one, or one again after a back-off. */
export interface Admitted extends CallEvent {
  readonly type: 'bulkhead-admitted';
  readonly waitedMs: number;
}

/** A call has waited for a slot in vain. */
export interface QueueLeft extends CallEvent {
  readonly type: 'bulkhead-left';
  readonly waitedMs: number;
}

export type QueueEvent = Admitted | QueueLeft;

/** In shadow: a call would have its slot now. */
export interface WouldAdmit {
  readonly type: 'bulkhead-would-admit';
  readonly waitedMs: number;
}

// Queues are for short waits.
const bounds = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 10];

const wait: Histogram<Admitted> = {
  kind: 'histogram',
  name: 'breakwater_bulkhead_wait_seconds',
  help: 'Time for which admitted calls waited for a slot. A call that waits again after a back-off counts again.',
  event: 'bulkhead-admitted',
  per: 'route',
  labels: {},
  bounds,
  value: ({ waitedMs }) => waitedMs / 1000,
};

const shadowWait: Histogram<WouldAdmit> = {
  kind: 'histogram',
  name: 'breakwater_shadow_bulkhead_wait_seconds',
  help: 'Time for which calls would have waited for a slot if the bulkhead in shadow were enforced.',
  event: 'bulkhead-would-admit',
  per: 'route',
  labels: {},
  bounds,
  value: ({ waitedMs }) => waitedMs / 1000,
};

const active: Gauge<BulkheadLayer> = {
  kind: 'gauge',
  name: 'breakwater_bulkhead_active',
  help: 'Slots in use. In shadow: calls that run, however many slots there are.',
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

const streams: Gauge<BulkheadLayer> = {
  kind: 'gauge',
  name: 'breakwater_streams',
  help: 'Responses without a planned end that are open, such as event streams. They hold no slots.',
  per: 'route',
  value: ({ bulkhead }) => bulkhead.streams,
};

const limit: Gauge<BulkheadLayer> = {
  kind: 'gauge',
  name: 'breakwater_bulkhead_limit',
  help: 'Number of slots.',
  per: 'route',
  value: limitOf,
};

export const instruments = [active, queued, limit, streams, wait, shadowWait];

const describeWait = ({ type, waitedMs }: QueueEvent) => ({
  'breakwater.waited_ms': Math.round(waitedMs),
  'breakwater.admitted': type === 'bulkhead-admitted',
});

const tracedAdmission: TracedEvent<Admitted> = {
  event: 'bulkhead-admitted',
  name: 'breakwater.queue',
  when: ({ waitedMs }) => waitedMs > 0,
  attributes: describeWait,
};

const tracedLeave: TracedEvent<QueueLeft> = {
  event: 'bulkhead-left',
  name: 'breakwater.queue',
  attributes: describeWait,
};

export const traced = [tracedAdmission, tracedLeave];
