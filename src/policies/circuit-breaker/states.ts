/** The words of the circuit's state machine: its rules, its states, and what it tells of its moves. */
import type { Off } from '../../core/options.js';
import type { Mode } from '../../core/mode.js';
import type { RowResult } from './failure-row.js';

/** The options that the state machine goes by, under their names in the file; times in ms, shares 0..1. */
export interface CircuitRules {
  readonly mode: Mode;
  readonly failureThreshold: number | Off;
  readonly failureRate:
    | { readonly threshold: number; readonly window: number; readonly minimumCalls: number }
    | Off;
  readonly slowCall: { readonly threshold: number } | Off;
  readonly recoveryTimeout: number;
  readonly recoveryMultiplier: number;
  readonly maxRecoveryTimeout: number;
  readonly halfOpenMaxCalls: number;
  readonly successThreshold: number;
}

/** Slow calls are counted over this where failureRate is off; the same as its defaults. */
const DEFAULT_WINDOW = { window: 10_000, minimumCalls: 20 };

export const windowOf = ({ failureRate }: CircuitRules) =>
  failureRate === 'off' ? DEFAULT_WINDOW : failureRate;

/** What became of an attempt that says something about the upstream. */
export interface CountedResult extends RowResult {
  readonly isSlow: boolean;
  /** The first of its call that the upstream saw. */
  readonly isFirst: boolean;
}

export interface CircuitRefusal {
  readonly why: string;
  /** At least 1. */
  readonly retryAfterMs: number;
}

export const circuitStates = [
  'closed',
  'open',
  'half-open',
  'forced-open',
  'forced-closed',
] as const;
export type CircuitStateName = (typeof circuitStates)[number];

/**
 * Each entry into a state makes a new object, so that a result can be matched with the very state that admitted it.
 * Times are monotonic ms, except the wall clock's stamp.
 */
export type CircuitState = { readonly sinceWallMs: number } & (
  | { readonly kind: 'closed' }
  | {
      readonly kind: 'open';
      readonly recoveryMs: number;
      readonly untilMs: number;
      /** For messages. */
      readonly why: string;
      /** Because of what another replica found. */
      readonly isTold: boolean;
    }
  | {
      readonly kind: 'half-open';
      readonly recoveryMs: number;
      readonly isTold: boolean;
      probes: number;
      successes: number;
    }
  | { readonly kind: 'forced-open' | 'forced-closed'; readonly untilMs: number }
);

/** Which rule moved a circuit. */
export type CircuitRule =
  | 'failureThreshold'
  | 'failureRate'
  | 'slowCall'
  | 'recoveryTimeout'
  | 'successThreshold'
  | 'probeFailure'
  | 'told'
  | 'forced'
  | 'mode';

/** What replicas tell each other: what a circuit found out by itself. */
export type Finding =
  | {
      readonly kind: 'open';
      /** Of which the finder has the whole before it. */
      readonly recoveryMs: number;
      readonly why: string;
    }
  | { readonly kind: 'closed' };

export interface CircuitMoved {
  /** `circuit-moved-in-shadow`: it would have moved; calls meet the same circuit as before. */
  readonly type: 'circuit-moved' | 'circuit-moved-in-shadow';
  readonly from: CircuitStateName;
  readonly to: CircuitStateName;
  readonly rule: CircuitRule;
  /** What was seen, in the rule's own measure: failures in a row, a share 0..1, ms, successes. `told`: ms left. */
  readonly observed: number;
  /** The rule's limit, in the same measure. */
  readonly threshold: number;
}
