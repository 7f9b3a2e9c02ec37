/** Which of its rules opens a closed circuit. */
import { formatPercent } from '../../lib/percent.js';
import type { CircuitRule, CircuitRules } from './states.js';

interface Counts {
  readonly total: number;
  readonly failures: number;
  readonly slow: number;
}

/** In words, and in the measure of its rule. */
export interface Cause {
  readonly why: string;
  readonly rule: CircuitRule;
  readonly observed: number;
  readonly threshold: number;
}

/**
 * @param inRow failures in a row that are the upstream's, and not those of one endpoint.
 * @param minimumCalls below it a share says nothing.
 * @param counts of the window.
 */
export function findCause(
  rules: CircuitRules,
  inRow: number,
  minimumCalls: number,
  { total, failures, slow }: Counts,
): Cause | undefined {
  const { failureThreshold, failureRate, slowCall } = rules;
  if (failureThreshold !== 'off' && inRow >= failureThreshold) {
    const why = `${inRow} failures in a row`;
    return { why, rule: 'failureThreshold', observed: inRow, threshold: failureThreshold };
  }
  if (total < minimumCalls) return undefined;
  const failed = failures / total;
  if (failureRate !== 'off' && failed >= failureRate.threshold) {
    const why = `${formatPercent(failed)} of its calls failed`;
    const { threshold } = failureRate;
    return { why, rule: 'failureRate', observed: failed, threshold };
  }
  const slowed = slow / total;
  if (slowCall === 'off' || slowed < slowCall.threshold) return undefined;
  const why = `${formatPercent(slowed)} of its calls were slow`;
  return { why, rule: 'slowCall', observed: slowed, threshold: slowCall.threshold };
}
