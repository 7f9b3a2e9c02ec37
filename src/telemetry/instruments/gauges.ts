/** The gauges: read from the running proxy at each scrape, so that they are always current. */
import { endpointStates, type InspectableScope, type Inspection } from '../../core/inspect.js';
import type { Gauge, StateGauge } from '../../core/instruments.js';
import type { AnyLayer } from '../../core/pipeline.js';
import type { MemoryUse } from '../../policies/overload/index.js';
import { GaugeFamily, renderLabels, type Reading } from '../exposition/families.js';

/** Labels are rendered once for each scope. */
function remember<Key extends object, Value>(make: (key: Key) => Value): (key: Key) => Value {
  const known = new WeakMap<Key, Value>();
  return (key) => {
    let value = known.get(key);
    if (value === undefined) known.set(key, (value = make(key)));
    return value;
  };
}

/** What gauges read: the scopes that have a layer of the policy to themselves. */
type Owners = () => Iterable<readonly [InspectableScope, AnyLayer]>;

function ownersOf(policy: string, inspection: Inspection): Owners {
  return function* () {
    for (const scope of inspection.scopes()) {
      const layer = scope.layers[policy];
      if (layer !== undefined) yield [scope, layer];
    }
  };
}

function createGauge({ name, help, per, value }: Gauge, owners: Owners): GaugeFamily {
  const labelsOf = remember(({ upstream, route }: InspectableScope) =>
    renderLabels(per === 'upstream' ? { upstream } : { upstream, route }),
  );
  return new GaugeFamily(name, help, function* (): Iterable<Reading> {
    for (const [scope, layer] of owners()) {
      if (per === 'upstream' && scope.route !== '') continue;
      const read = value(layer);
      if (read !== undefined) yield { labels: labelsOf(scope), value: read };
    }
  });
}

function createStateGauge(
  { name, help, label, states, value }: StateGauge,
  owners: Owners,
): GaugeFamily {
  const labelsOf = remember(({ upstream, route }: InspectableScope) =>
    states.map((state) => renderLabels({ upstream, route, [label]: state })),
  );
  return new GaugeFamily(name, help, function* (): Iterable<Reading> {
    for (const [scope, layer] of owners()) {
      const read = value(layer);
      if (read === undefined) continue;
      const current = states.indexOf(read);
      for (const [index, labels] of labelsOf(scope).entries()) {
        yield { labels, value: index === current ? 1 : 0 };
      }
    }
  });
}

/** Counts, because addresses would make series without end. */
function createEndpointGauge(inspection: Inspection): GaugeFamily {
  const labelsOf = new Map<string, readonly string[]>();
  const help = 'Endpoints now. state: available, ejected, unhealthy, drained or leaving.';
  return new GaugeFamily('breakwater_endpoints', help, function* (): Iterable<Reading> {
    for (const { name, endpoints } of inspection.upstreams()) {
      let labels = labelsOf.get(name);
      if (labels === undefined) {
        labels = endpointStates.map((state) => renderLabels({ upstream: name, state }));
        labelsOf.set(name, labels);
      }
      const counts = endpointStates.map(() => 0);
      for (const { state } of endpoints.list()) counts[endpointStates.indexOf(state)]! += 1;
      for (const [i, value] of counts.entries()) yield { labels: labels[i]!, value };
    }
  });
}

export function createGauges(inspection: Inspection): GaugeFamily[] {
  const ofPolicies = inspection.policies.flatMap(({ name, instruments = [] }) => {
    const owners = ownersOf(name, inspection);
    return instruments.flatMap((instrument): GaugeFamily[] => {
      if (instrument.kind === 'gauge') return [createGauge(instrument, owners)];
      return instrument.kind === 'state' ? [createStateGauge(instrument, owners)] : [];
    });
  });
  return [
    ...ofPolicies,
    new GaugeFamily('breakwater_tunnels', 'Upgraded connections open now.', () =>
      inspection.upstreams().map(({ name, tunnels }) => ({
        labels: renderLabels({ upstream: name }),
        value: tunnels,
      })),
    ),
    createEndpointGauge(inspection),
  ];
}

/** @param memory undefined while it is not watched. */
export function createMemoryGauges(memory: () => MemoryUse | undefined): GaugeFamily[] {
  const create = (name: string, help: string, valueOf: (use: MemoryUse) => number) =>
    new GaugeFamily(name, help, () => {
      const use = memory();
      return use === undefined ? [] : [{ labels: '', value: valueOf(use) }];
    });
  return [
    create(
      'breakwater_memory_used_ratio',
      'Memory of the process as a share of the most that it may have. Shown while overload.memory is watched.',
      ({ used }) => used,
    ),
    create(
      'breakwater_memory_shed_ratio',
      'overload.memory: the share of the memory above which calls are shed.',
      ({ limit }) => limit,
    ),
  ];
}
