/** `resilience4j.retry` */
import type { Part } from '../part.js';
import { showDuration } from '../values.js';
import type { Instance } from './instance.js';

const defaults = { attempts: 3, waitMs: 500, multiplier: 1.5, factor: 0.5 };

export function convertRetry(instance: Instance, part: Part): void {
  const attempts = instance.number('maxAttempts', 'maxRetryAttempts');
  const count = Math.max(1, Math.floor(attempts?.value ?? defaults.attempts));
  part.set('retry.maxAttempts', count, attempts?.from ?? "resilience4j's default");
  convertDelays(instance, part, count);
  convertSpread(instance, part);
  part.set(
    'retry.budget',
    'off',
    'resilience4j has none; remove this line to limit retries in an outage',
  );
  part.differs(
    'Retries: resilience4j repeats what throws one of the configured exceptions, whatever the method. Here it is resets, timeouts and `retry.statuses` (408, 429, 500, 502, 503 and 504 by default); POST and PATCH are repeated only with an Idempotency-Key, or if nothing was sent. A `Retry-After` of the upstream is obeyed here.',
  );
  for (const key of ['retryExceptions', 'ignoreExceptions'] as const) {
    const written = instance.get(key);
    if (written === undefined) continue;
    part.note(
      `${written.use().origin}: Breakwater sees statuses, not exceptions. Put the statuses that are meant into \`retry.statuses\`.`,
      'retry',
    );
  }
  const fails = instance.flag('failAfterMaxAttempts');
  if (fails !== undefined) {
    part.note(`${fails.from.origin}: here the last response is always passed on.`, 'retry');
  }
}

function convertDelays(instance: Instance, part: Part, attempts: number): void {
  const wait = instance.duration('waitDuration');
  const ms = wait?.value ?? defaults.waitMs;
  const from = wait?.from ?? "resilience4j's default";
  const exponential = instance.flag('enableExponentialBackoff');
  const multiplier = instance.number('exponentialBackoffMultiplier');
  const max = instance.duration('exponentialMaxWaitDuration');
  const delay = ms === 0 ? '0s' : showDuration(ms);
  if (exponential?.value !== true) {
    part.set('retry.backoff.strategy', 'constant', exponential?.from ?? "resilience4j's default");
    part.set('retry.backoff.baseDelay', delay, from);
    if (ms > 2000) part.set('retry.backoff.maxDelay', delay, 'not less than the delay');
    for (const unused of [multiplier, max]) {
      if (unused === undefined) continue;
      part.note(
        `${unused.from.origin}: has no effect without enableExponentialBackoff.`,
        'retry.backoff',
      );
    }
    return;
  }
  const factor = Math.max(1, multiplier?.value ?? defaults.multiplier);
  part.set('retry.backoff.strategy', 'exponential', exponential.from);
  part.set('retry.backoff.baseDelay', delay, from);
  part.set('retry.backoff.multiplier', factor, multiplier?.from ?? "resilience4j's default");
  const longest = Math.max(ms, 1) * factor ** Math.max(0, attempts - 2);
  part.set(
    'retry.backoff.maxDelay',
    showDuration(max?.value ?? longest),
    max?.from ?? 'resilience4j has no limit; this is the delay before the last attempt',
  );
  if (wait === undefined || instance.isNearer(exponential, wait)) {
    part.note(
      'resilience4j 2.4.0 ignores enableExponentialBackoff unless waitDuration is written beside it, or in an instance based on it: its waits are all the same. Here they grow, as the key says.',
      'retry.backoff',
    );
  }
}

function convertSpread(instance: Instance, part: Part): void {
  const random = instance.flag('enableRandomizedWait');
  const factor = instance.number('randomizedWaitFactor');
  if (random?.value !== true) {
    part.set(
      'retry.backoff.jitter',
      'none',
      random?.from ??
        "resilience4j's default; `full` keeps calls that failed together from coming back together",
    );
    if (factor !== undefined) {
      part.note(
        `${factor.from.origin}: has no effect without enableRandomizedWait.`,
        'retry.backoff',
      );
    }
    return;
  }
  part.set('retry.backoff.jitter', 'half', random.from);
  if (factor !== undefined && factor.value !== defaults.factor) {
    part.note(
      `${factor.from.origin}: here the delay varies by 50% (\`half\`), or is 0 to the delay (\`full\`).`,
      'retry.backoff.jitter',
    );
  }
}
