/** The end of an attempt, for parts that listen to it. */
import type { AttemptFinished } from '../../src/core/events.js';
import type { AttemptResult } from '../../src/core/outcome.js';

export const attemptFinished = (
  result: AttemptResult,
  more: Partial<AttemptFinished> = {},
): AttemptFinished => ({
  type: 'attempt-finished',
  result,
  error: undefined,
  isUpstreams: false,
  headersMs: 1,
  trace: undefined,
  ...more,
});
