/** The gauges: read from the running proxy at each scrape, so that none can be stale. */
import type { CircuitStateName } from '../../core/events.js';
import type {
  InspectableBulkhead,
  InspectableScope,
  InspectableUpstream,
  Inspection,
} from '../../core/inspect.js';
import { GaugeFamily, renderLabels, type Reading } from '../exposition/families.js';

const circuitStates: readonly CircuitStateName[] = [
  'closed',
  'open',
  'half-open',
  'forced-open',
  'forced-closed',
];

/** The labels of a scope's circuit, in the order of `circuitStates`. */
const labelStates = ({ upstream, route }: InspectableScope) =>
  circuitStates.map((state) => renderLabels({ upstream, route, state }));

/** Labels are rendered once for each scope that there is. */
function remember<Key extends object, Value>(make: (key: Key) => Value): (key: Key) => Value {
  const known = new WeakMap<Key, Value>();
  return (key) => {
    let value = known.get(key);
    if (value === undefined) known.set(key, (value = make(key)));
    return value;
  };
}

export function createGauges(version: string, inspection: Inspection): GaugeFamily[] {
  const statesOf = remember(labelStates);
  const labelsOf = remember(({ upstream, route }: InspectableScope) =>
    renderLabels({ upstream, route }),
  );
  const ofUpstreams = (read: (upstream: InspectableUpstream) => number | undefined) =>
    function* (): Iterable<Reading> {
      for (const upstream of inspection.upstreams()) {
        const value = read(upstream);
        if (value !== undefined) yield { labels: renderLabels({ upstream: upstream.name }), value };
      }
    };
  const ofBulkheads = (read: (bulkhead: InspectableBulkhead) => number) =>
    function* (): Iterable<Reading> {
      for (const scope of inspection.scopes()) {
        const { bulkhead } = scope;
        if (bulkhead !== undefined) yield { labels: labelsOf(scope), value: read(bulkhead) };
      }
    };
  function* ofCircuits(): Iterable<Reading> {
    for (const scope of inspection.scopes()) {
      if (scope.circuit === undefined) continue;
      const current = circuitStates.indexOf(scope.circuit.snapshot().state);
      for (const [index, labels] of statesOf(scope).entries()) {
        yield { labels, value: index === current ? 1 : 0 };
      }
    }
  }

  return [
    new GaugeFamily(
      'breakwater_retry_budget_remaining',
      'Retries that the budget allows now.',
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
      'Number of slots.',
      ofBulkheads((bulkhead) => bulkhead.limit),
    ),
    new GaugeFamily(
      'breakwater_attempt_timeout_seconds',
      'How long a first attempt may take now, as configured or as learned.',
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
      { labels: renderLabels({ version }), value: 1 },
    ]),
  ];
}
