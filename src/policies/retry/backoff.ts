/** How long to wait between attempts ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015). */
import type { Random } from '../../core/clock.js';

/** Under their names in the file; delays in ms. */
export interface BackoffOptions {
  readonly strategy: 'exponential' | 'linear' | 'constant' | 'decorrelated';
  readonly baseDelay: number;
  readonly maxDelay: number;
  readonly multiplier: number;
  readonly jitter: 'full' | 'equal' | 'half' | 'none';
}

/**
 * @param attempt the one that has just failed, counting from 1.
 * @param previousMs what this function gave for the attempt before; only `decorrelated` looks at it.
 * @returns ms until the next attempt. `maxDelay` does not bind `constant`, and binds the others before jitter.
 */
export function backoffMs(
  options: BackoffOptions,
  attempt: number,
  previousMs: number | undefined,
  random: Random,
): number {
  const { strategy, baseDelay, maxDelay, multiplier } = options;
  switch (strategy) {
    case 'exponential':
      return spread(Math.min(maxDelay, baseDelay * multiplier ** (attempt - 1)), options, random);
    case 'linear':
      return spread(Math.min(maxDelay, baseDelay * attempt), options, random);
    case 'constant':
      return spread(baseDelay, options, random);
    case 'decorrelated': {
      // Random already: jitter on top would take it below its base.
      const highest = (previousMs ?? baseDelay) * 3;
      return Math.min(maxDelay, baseDelay + random() * (highest - baseDelay));
    }
  }
}

function spread(delayMs: number, { jitter }: BackoffOptions, random: Random): number {
  switch (jitter) {
    case 'full':
      return random() * delayMs;
    case 'equal':
      return delayMs / 2 + (random() * delayMs) / 2;
    case 'half':
      return delayMs * (0.5 + random());
    case 'none':
      return delayMs;
  }
}
