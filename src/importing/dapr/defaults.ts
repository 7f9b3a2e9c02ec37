/** What holds for apps that are no target, and what Dapr does not have. */
import type { Draft } from '../draft.js';
import type { Part } from '../part.js';
import { convertBreaker } from './circuit-breaker.js';
import type { PolicyKind, PolicyTable } from './policies.js';
import { convertRetry } from './retry.js';
import { convertTimeout } from './timeout.js';

const templates = [
  ['timeout', 'timeouts', 'TimeoutPolicy', convertTimeout],
  ['retry', 'retries', 'RetryPolicy', convertRetry],
  ['circuitBreaker', 'circuitBreakers', 'CircuitBreakerPolicy', convertBreaker],
] as const;

/** `DefaultAppRetryPolicy` goes before `DefaultRetryPolicy`. */
function findDefault(policies: PolicyTable, kind: PolicyKind, suffix: string) {
  const forApps = policies.find(kind, `DefaultApp${suffix}`);
  const forAll = policies.find(kind, `Default${suffix}`);
  if (forApps !== undefined) forAll?.use();
  return forApps ?? forAll;
}

export function writeDefaults(policies: PolicyTable, draft: Draft): void {
  const { defaults } = draft;
  defaults.note(
    'Dapr has no bulkhead and no limit for a whole call, so they are off. Remove a line to have the default of Breakwater.',
  );
  defaults.set('bulkhead', 'off', 'Dapr has none for calls to other apps');
  for (const [key, kind, suffix, convert] of templates) {
    const policy = findDefault(policies, kind, suffix);
    if (policy !== undefined) {
      convert(policy, defaults);
      defaults.note(
        `${policy.where} ${policy.key}: in Dapr it holds for apps that are no target.`,
        key,
      );
    } else if (key === 'retry') writeBuiltInRetry(policies, defaults);
    else writeOff(key, defaults);
  }
}

/** Dapr repeats calls to apps that are no target, without any resource. */
function writeBuiltInRetry(policies: PolicyTable, defaults: Part): void {
  const written = policies.find('retries', 'DaprBuiltInServiceRetries');
  if (written !== undefined) {
    convertRetry(written, defaults);
    defaults.note('Dapr sets less than 3 retries of this policy back to 3.', 'retry.maxAttempts');
    return;
  }
  const note =
    'Built into Dapr for apps that are no target: 3 retries, 1s apart. Upstreams that you add get them.';
  defaults.set('retry.maxAttempts', 4, 'built into Dapr', note);
  defaults.set('retry.backoff.strategy', 'constant', 'built into Dapr');
  defaults.set('retry.backoff.baseDelay', '1s', 'built into Dapr');
}

/** Of an app without such a policy: being a target keeps Dapr's defaults away. */
export function writeOff(key: 'timeout' | 'retry' | 'circuitBreaker', part: Part): void {
  if (key === 'timeout') {
    part.set('timeout.attempt', 'off', 'no timeout in Dapr');
    part.set('timeout.total', 'off', 'no timeout in Dapr');
  } else part.set(key, 'off', `no ${key === 'retry' ? 'retry' : 'circuit breaker'} in Dapr`);
}
