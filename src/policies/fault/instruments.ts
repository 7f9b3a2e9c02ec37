/** What injected faults tell, and their metric. */
import type { CallEvent } from '../../core/events.js';
import type { Counter, TracedEvent } from '../../core/instruments.js';

export const faultKinds = ['delay', 'abort', 'reset'] as const;

export type FaultKind = (typeof faultKinds)[number];

/** An attempt got a fault. */
export interface FaultInjected extends CallEvent {
  readonly type: 'fault-injected';
  readonly kind: FaultKind;
}

const injected: Counter<FaultInjected> = {
  kind: 'counter',
  name: 'breakwater_faults_injected_total',
  help: 'Faults that attempts got on purpose. kind: delay, abort or reset.',
  event: 'fault-injected',
  per: 'upstream',
  labels: { kind: ({ kind }) => kind },
  known: faultKinds.map((kind) => ({ kind })),
};

export const instruments = [injected];

const tracedKind: TracedEvent<FaultInjected> = {
  event: 'fault-injected',
  name: 'breakwater.fault',
  attributes: ({ kind }) => ({ 'breakwater.kind': kind }),
};

export const traced = [tracedKind];
