/** What fallbacks tell, and their metric. */
import type { Counter } from '../../core/instruments.js';

/** Without the name: there may be many. */
export type FallbackKind = 'cache' | 'upstream' | 'static';

export interface FallbackUsed {
  readonly type: 'fallback-used';
  readonly source: FallbackKind;
}

const used: Counter<FallbackUsed> = {
  kind: 'counter',
  name: 'breakwater_fallbacks_total',
  help: 'Responses sent instead of a failure. source: cache, upstream or static.',
  event: 'fallback-used',
  per: 'upstream',
  labels: { source: ({ source }) => source },
};

export const instruments = [used];
