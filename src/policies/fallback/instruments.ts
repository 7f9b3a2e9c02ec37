/** What fallbacks tell, and their metric. */
import type { CallEvent } from '../../core/events.js';
import type { Counter, TracedEvent } from '../../core/instruments.js';

/** Without the name: there may be many. */
export type FallbackKind = 'cache' | 'upstream' | 'static';

export interface FallbackUsed extends CallEvent {
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

const tracedUse: TracedEvent<FallbackUsed> = {
  event: 'fallback-used',
  name: 'breakwater.fallback',
  attributes: ({ source, call }) => ({
    'breakwater.source': call?.substitution?.source ?? source,
  }),
};

export const instruments = [used];

export const traced = [tracedUse];
