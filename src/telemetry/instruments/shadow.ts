/** The metrics of policies in shadow: which ones are, and what they would have refused. */
import { shadowedIn, type Inspection } from '../../core/inspect.js';
import type { Counter, Instrument } from '../../core/instruments.js';
import type { AnyLayer } from '../../core/pipeline.js';
import type { ShadowRefused } from '../../core/shadow.js';
import { GaugeFamily, renderLabels, type Reading } from '../exposition/families.js';

export const shadowTotal: Counter<ShadowRefused> = {
  kind: 'counter',
  name: 'breakwater_shadow_total',
  help: 'Calls that a policy in shadow would have refused, or of which it would have cut an attempt. policy: its key in the file. reason: as for breakwater_requests_total.',
  event: 'shadow-refused',
  per: 'route',
  labels: { policy: ({ policy }) => policy, reason: ({ reason }) => reason },
};

/** The instruments whose series a layer shows from the start, out of those of its policy. */
export function shownBy({ shadow }: AnyLayer, instruments: readonly Instrument[]): Instrument[] {
  if (shadow === undefined) {
    return instruments.filter((each) => each.kind !== 'counter' || each.isOfShadow !== true);
  }
  const { policy, reasons } = shadow;
  return [...instruments, { ...shadowTotal, known: reasons.map((reason) => ({ policy, reason })) }];
}

const reading = (upstream: string, route: string, policy: string): Reading => ({
  labels: renderLabels({ upstream, route, policy }),
  value: 1,
});

/** @param ofProcess policies in shadow that belong to no upstream. */
export function createShadowGauge(
  inspection: Inspection,
  ofProcess: () => readonly string[],
): GaugeFamily {
  const help =
    '1 for each policy in shadow. Those that are enforced are not shown. The labels upstream and route are empty for overload.';
  return new GaugeFamily('breakwater_policy_in_shadow', help, function* () {
    for (const policy of ofProcess()) yield reading('', '', policy);
    for (const { upstream, route, layers } of inspection.scopes()) {
      for (const policy of shadowedIn(layers)) yield reading(upstream, route, policy);
    }
  });
}
