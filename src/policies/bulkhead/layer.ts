/** What the bulkhead keeps of an upstream or a route, for its metrics and for a reload. */
import type { CallLayer } from '../../core/pipeline.js';
import type { AdaptiveLimit } from './adaptive-limit.js';
import type { Bulkhead } from './bulkhead.js';

export const limitOf = ({ bulkhead, rehearsal }: BulkheadLayer): number =>
  (rehearsal ?? bulkhead).limit;

export interface BulkheadLayer extends CallLayer {
  /** That which the calls pass. */
  readonly bulkhead: Bulkhead;
  /** In shadow: that which has the limits, and at which nothing really waits. Undefined where the first one has them. */
  readonly rehearsal: Bulkhead | undefined;
  /** Undefined where the limit stands still. */
  readonly adaptive: AdaptiveLimit | undefined;
}
