/** The limits that are exceeded while calls are shed, and the log lines about it. */
import type { LogLine } from '../../core/instruments.js';
import type { Mode } from '../../core/mode.js';
import { formatPercent } from '../../lib/percent.js';

/** A limit that is exceeded. */
export interface PassedLimit {
  readonly limit: 'eventLoopDelay' | 'memory';
  /** The reading: ms, or a share 0..1. */
  readonly observed: number;
  /** The limit, in the same measure. */
  readonly threshold: number;
}

/** Overload began, with the limits exceeded and the share refused; or it ended, with an empty list. */
export interface OverloadChange {
  readonly passed: readonly PassedLimit[];
  readonly shed: number;
  readonly mode: Mode;
}

/** Names the option, so that readers know what to change. */
export function describePassed({ limit, observed, threshold }: PassedLimit): string {
  return limit === 'eventLoopDelay'
    ? `its event loop is ${Math.round(observed)} ms late, more than overload.eventLoopDelay, ${threshold} ms`
    : `it uses ${formatPercent(observed)} of the memory that it may have, more than overload.memory, ${formatPercent(threshold)}`;
}

/** One line when calls begin to be shed, and one when that ends. */
export function overloadLine({ passed, shed, mode }: OverloadChange): LogLine {
  const isShadow = mode === 'shadow';
  const ofMode = isShadow ? { mode } : {};
  if (passed.length === 0) {
    const message = 'overload is over because all readings are below their limits';
    return { level: 'info', fields: { passed, ...ofMode }, message };
  }
  const why = passed.map(describePassed).join(', and ');
  const what = `${formatPercent(shed)} of calls ${isShadow ? 'would be' : 'are'} shed`;
  return {
    level: isShadow ? 'info' : 'warn',
    fields: { passed, shed, ...ofMode },
    message: `overloaded: ${what} because ${why}`,
  };
}
