/** The gauges: read from the running proxy at each scrape, so that none can be stale. */
import type { CircuitStateName } from '../core/events.js';
import type { InspectableBulkhead, InspectableUpstream, Inspection } from '../core/inspect.js';
import { GaugeFamily, type Sample } from './families.js';

const circuitStates: readonly CircuitStateName[] = [
  'closed',
  'open',
  'half-open',
  'forced-open',
  'forced-closed',
];

export function createGauges(version: string, inspection: Inspection): GaugeFamily[] {
  const ofUpstreams =
    (read: (upstream: InspectableUpstream) => number | undefined) => (): Sample[] =>
      inspection.upstreams().flatMap((upstream) => {
        const value = read(upstream);
        if (value === undefined) return [];
        return [{ sharedLabels: { upstream: upstream.name }, value }];
      });
  const ofBulkheads = (read: (bulkhead: InspectableBulkhead) => number) => (): Sample[] =>
    inspection.scopes().flatMap(({ upstream, route, bulkhead }) => {
      if (bulkhead === undefined) return [];
      return [{ sharedLabels: { upstream, route }, value: read(bulkhead) }];
    });
  const ofCircuits = (): Sample[] =>
    inspection.scopes().flatMap(({ upstream, route, circuit }) => {
      if (circuit === undefined) return [];
      const current = circuit.snapshot().state;
      return circuitStates.map((state) => ({
        sharedLabels: { upstream, route, state },
        value: state === current ? 1 : 0,
      }));
    });

  return [
    new GaugeFamily(
      'breakwater_retry_budget_remaining',
      'Retries that the budget still allows.',
      ofUpstreams((upstream) => upstream.retryBudgetRemaining),
    ),
    new GaugeFamily(
      'breakwater_circuit_state',
      '1 for the state that the circuit is in, 0 for the others.',
      ofCircuits,
    ),
    new GaugeFamily(
      'breakwater_bulkhead_active',
      'Slots in use.',
      ofBulkheads((bulkhead) => bulkhead.active),
    ),
    new GaugeFamily(
      'breakwater_bulkhead_queued',
      'Calls waiting for a slot.',
      ofBulkheads((bulkhead) => bulkhead.queued),
    ),
    new GaugeFamily(
      'breakwater_bulkhead_limit',
      'Slots that there are.',
      ofBulkheads((bulkhead) => bulkhead.limit),
    ),
    new GaugeFamily(
      'breakwater_attempt_timeout_seconds',
      'Time that a try is given now.',
      ofUpstreams(({ attemptTimeoutMs }) =>
        attemptTimeoutMs === undefined ? undefined : attemptTimeoutMs / 1000,
      ),
    ),
    new GaugeFamily(
      'breakwater_tunnels',
      'Upgraded connections open now.',
      ofUpstreams((upstream) => upstream.tunnels),
    ),
    new GaugeFamily('breakwater_build_info', 'Always 1; the version is in the label.', () => [
      { sharedLabels: { version }, value: 1 },
    ]),
  ];
}
