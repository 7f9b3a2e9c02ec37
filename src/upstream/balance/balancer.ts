/** The interface of all balancing strategies. */
import type { Call } from '../../core/call.js';

/** What a strategy knows of an endpoint. */
export interface Balanced {
  /** Unique within its set. */
  readonly address: string;
  /** At least 1. */
  readonly weight: number;
  /** Attempts in flight. */
  readonly active: number;
  /** The share of its weight that it takes now, above 0 and up to 1: less than 1 while it starts slowly. */
  shareAt(nowMs: number): number;
}

export interface Balancer<E extends Balanced> {
  /** The endpoints to choose from have changed; called before the first `pick`. May cost O(n log n). */
  update(endpoints: readonly E[]): void;
  /**
   * O(1), without an allocation, for a first attempt. Prefers endpoints that are not in `call.triedEndpoints`.
   * @returns undefined only where there is no endpoint at all.
   */
  pick(call: Call, nowMs: number): E | undefined;
}
