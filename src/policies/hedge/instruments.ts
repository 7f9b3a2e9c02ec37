/** What hedges tell, and their metric. */
import type { CallEvent } from '../../core/events.js';
import type { Counter, TracedEvent } from '../../core/instruments.js';

const results = ['won', 'lost', 'denied'] as const;

export type HedgeResult = (typeof results)[number];

/** A hedge is over, or was not paid for. */
export interface Hedged extends CallEvent {
  readonly type: 'hedged';
  readonly result: HedgeResult;
}

const hedges: Counter<Hedged> = {
  kind: 'counter',
  name: 'breakwater_hedges_total',
  help: 'Extra attempts beside a slow one. result: won (its response was used), lost, or denied (the retry budget did not allow it).',
  event: 'hedged',
  per: 'upstream',
  labels: { result: ({ result }) => result },
  known: results.map((result) => ({ result })),
};

export const instruments = [hedges];

const tracedResult: TracedEvent<Hedged> = {
  event: 'hedged',
  name: 'breakwater.hedge',
  attributes: ({ result }) => ({ 'breakwater.result': result }),
};

export const traced = [tracedResult];
