/** The words of the circuit's state machine: its rules, its states, and what it tells of its moves. */
import type { Off } from '../../core/options.js';

/** The options that the state machine goes by, under their names in the file; times in ms, shares 0..1. */
export interface CircuitRules {
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
    }
  | { readonly kind: 'half-open'; readonly recoveryMs: number; probes: number; successes: number }
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
  | 'forced';

export interface CircuitMoved {
  readonly type: 'circuit-moved';
  readonly from: CircuitStateName;
  readonly to: CircuitStateName;
  readonly rule: CircuitRule;
  /** What was seen, in the rule's own measure: failures in a row, a share 0..1, ms, successes. */
  readonly observed: number;
  /** The rule's limit, in the same measure. */
  readonly threshold: number;
}
