/** What is passed when calls are shed, and the lines of the log that tell of it. */
import type { LogLine } from '../../core/instruments.js';
import { formatPercent } from '../../lib/percent.js';

/** A limit that is passed. */
export interface PassedLimit {
  readonly limit: 'eventLoopDelay' | 'memory';
  /** What was seen: ms, or a share 0..1. */
  readonly observed: number;
  /** The limit, in the same measure. */
  readonly threshold: number;
}

/** What began, with the limits that are passed and the share refused; or ended, with none. */
export interface OverloadChange {
  readonly passed: readonly PassedLimit[];
  readonly shed: number;
}

/** Names the option, so that its reader knows what to change. */
export function describePassed({ limit, observed, threshold }: PassedLimit): string {
  return limit === 'eventLoopDelay'
    ? `its event loop is ${Math.round(observed)} ms late, more than overload.eventLoopDelay, ${threshold} ms`
    : `it uses ${formatPercent(observed)} of the memory that it may have, more than overload.memory, ${formatPercent(threshold)}`;
}

/** One line when calls begin to be shed, and one when that ends. */
export function overloadLine({ passed, shed }: OverloadChange): LogLine {
  if (passed.length === 0) {
    const message = 'overload is over because all readings are below their limits';
    return { level: 'info', fields: { passed }, message };
  }
  const why = passed.map(describePassed).join(', and ');
  return {
    level: 'warn',
    fields: { passed, shed },
    message: `overloaded: ${formatPercent(shed)} of calls are shed because ${why}`,
  };
}
