/** `retry_policy` and `hedge_policy` of a route. */
import type { Part } from '../part.js';
import type { Foreign } from '../foreign.js';
import { showDuration, statusesBetween } from '../values.js';
import { readDuration, setDuration } from './read.js';

const defaults = { retries: 1, baseMs: 25, maxFactor: 10, maxRetryAfterMs: 300_000 };

/** Conditions of `retry_on` that are about the status of a response. */
const statusConditions: Readonly<Record<string, readonly number[]>> = {
  '5xx': statusesBetween(500, 511),
  'gateway-error': [502, 503, 504],
  'retriable-4xx': [409],
};

/** They are always repeated here. */
const alwaysRepeated = new Set([
  'connect-failure',
  'refused-stream',
  'reset',
  'reset-before-request',
  'http3-post-connect-failure',
]);

const grpcConditions: Readonly<Record<string, string>> = {
  cancelled: 'CANCELLED',
  'deadline-exceeded': 'DEADLINE_EXCEEDED',
  internal: 'INTERNAL',
  'resource-exhausted': 'RESOURCE_EXHAUSTED',
  unavailable: 'UNAVAILABLE',
};

export function convertRetry(policy: Foreign, part: Part): void {
  const condition = policy.get('retry_on');
  const conditions = (condition?.text() ?? '').split(',').flatMap((each) => each.trim() || []);
  const codes = policy.get('retriable_status_codes');
  if (conditions.length === 0) {
    part.set('retry', 'off', condition);
    part.note(`${policy.use().origin}: without retry_on Envoy repeats nothing.`, 'retry');
    return;
  }
  const retries = policy.get('num_retries', 'max_retries');
  part.set(
    'retry.maxAttempts',
    Math.floor(retries?.number() ?? defaults.retries) + 1,
    retries ?? 'num_retries: 1 by default',
    'num_retries leaves out the first attempt, which maxAttempts counts.',
  );
  convertConditions(conditions, condition!, codes, part);
  convertBackoff(policy, part);
  setDuration(part, 'timeout.attempt', policy.get('per_try_timeout'));
  const idle = policy.get('per_try_idle_timeout');
  if (idle !== undefined) setDuration(part, 'timeout.idle', idle);
  part.differs(
    'Retries: Envoy repeats every method. Here POST and PATCH are repeated only with an Idempotency-Key, or if nothing was sent (see `retry.methods`). Whatever the conditions say, resets, timeouts of an attempt and failed connections are repeated here.',
  );
  for (const key of [
    'retry_host_predicate',
    'host_selection_retry_max_attempts',
    'retry_priority',
  ]) {
    const written = policy.get(key);
    if (written === undefined) continue;
    part.note(
      `${written.use().origin}: here a retry goes to an endpoint that the call has not used yet, if there is one.`,
      'retry',
    );
  }
}

function convertConditions(
  conditions: readonly string[],
  from: Foreign,
  codes: Foreign | undefined,
  part: Part,
): void {
  const statuses = new Set<number>();
  const grpc: string[] = [];
  for (const condition of conditions) {
    for (const status of statusConditions[condition] ?? []) statuses.add(status);
    if (condition in grpcConditions) grpc.push(grpcConditions[condition]!);
    const isKnown =
      condition in statusConditions ||
      condition in grpcConditions ||
      alwaysRepeated.has(condition) ||
      condition === 'retriable-status-codes';
    if (!isKnown) {
      const hint =
        condition === 'envoy-ratelimited' ? '; 429 may be put into `retry.statuses`' : '';
      part.note(`${from.where} retry_on: ${condition}: has no equal here${hint}.`, 'retry');
    }
  }
  if (codes !== undefined) {
    const listed = codes.items().flatMap((each) => each.number() ?? []);
    if (conditions.includes('retriable-status-codes')) {
      for (const status of listed) statuses.add(status);
    } else {
      part.note(
        `${codes.use().origin}: has no effect in Envoy without retriable-status-codes in retry_on.`,
        'retry',
      );
    }
  }
  const all = [...statuses].toSorted((a, b) => a - b);
  const allowed = all.filter((status) => status >= 400 && status <= 599);
  part.set('retry.statuses', allowed, from);
  if (codes !== undefined) part.note(codes.origin, 'retry.statuses');
  if (allowed.length < all.length) {
    part.note('Statuses below 400 are never repeated here.', 'retry.statuses');
  }
  if (grpc.length > 0) {
    part.set(
      'retry.grpc',
      'idempotent',
      from,
      'Choose `unsent` if methods may not be carried out twice.',
    );
    part.set('retry.grpcStatuses', grpc, from);
  }
}

function convertBackoff(policy: Foreign, part: Part): void {
  const base = policy.at('retry_back_off', 'base_interval');
  const max = policy.at('retry_back_off', 'max_interval');
  const baseMs = readDuration(base) ?? defaults.baseMs;
  part.set('retry.backoff.baseDelay', showDuration(baseMs), base ?? "Envoy's default");
  part.set(
    'retry.backoff.maxDelay',
    showDuration(readDuration(max) ?? baseMs * defaults.maxFactor),
    max ?? "Envoy's default: ten times as much",
  );
  const limited = policy.get('rate_limited_retry_back_off');
  if (limited === undefined) {
    part.set(
      'retry.respectRetryAfter',
      false,
      'Envoy ignores Retry-After by default; `true` is kinder',
    );
    return;
  }
  const most = limited.get('max_interval');
  const ms = readDuration(most) ?? defaults.maxRetryAfterMs;
  part.set('retry.respectRetryAfter', true, limited.use().origin);
  part.set('retry.maxRetryAfter', showDuration(ms), most ?? "Envoy's default");
}

/** Needs the time of an attempt, after which Envoy starts another beside it. */
export function convertHedge(hedge: Foreign, retry: Foreign | undefined, part: Part): void {
  const onTimeout = hedge.get('hedge_on_per_try_timeout');
  const perTry = retry?.get('per_try_timeout');
  const ms = readDuration(perTry);
  if (onTimeout?.flag() === true && perTry !== undefined && ms !== undefined && ms > 0) {
    part.set(
      'hedge.after',
      showDuration(ms),
      perTry,
      `${onTimeout.origin}: Envoy starts another attempt beside a slow one. Here only for \`hedge.methods\`, at another endpoint, and paid from the retry budget.`,
    );
    part.set('timeout.attempt', 'off', 'the slow attempt goes on beside the other one');
    return;
  }
  part.note(
    `${hedge.use().origin}: has no equal here without hedge_on_per_try_timeout and per_try_timeout.`,
  );
}
