/** `retries`: attempts after the first, their delays, and the statuses that are repeated. */
import type { Part } from '../part.js';
import type { Foreign } from '../foreign.js';
import { parseGrpcCodes, parseStatusList, showDuration } from '../values.js';
import { readDuration } from './timeout.js';

/** More than this is a warning of `check`. */
const ENDLESS = 5;

/** Dapr's own default. */
const DEFAULT_DELAY_MS = 5000;

/** cenkalti/backoff, which Dapr uses: its values cannot be set in a resource. */
const exponential = { baseMs: 500, multiplier: 1.5, maxMs: 60_000 };

export function convertRetry(policy: Foreign, part: Part): void {
  // An empty policy is a policy: it has the defaults.
  if (policy.entries().length === 0) policy.use();
  convertAttempts(policy, part);
  if (policy.get('policy')?.text()?.toLowerCase() === 'exponential') {
    convertExponential(policy, part);
  } else convertConstant(policy, part);
  convertMatching(policy, part);
  part.differs(
    'Retries: Dapr repeats every method. Here POST and PATCH are repeated only with an Idempotency-Key, or if nothing was sent (see `retry.methods`). A `Retry-After` of the upstream is obeyed here; Dapr ignores it.',
  );
  part.set(
    'retry.budget',
    'off',
    'Dapr has none; remove this line to limit the share of retries in an outage',
  );
}

function convertAttempts(policy: Foreign, part: Part): void {
  const written = policy.get('maxRetries');
  const retries = written?.number();
  if (written !== undefined && retries !== undefined && retries >= 0) {
    const note = 'maxRetries leaves out the first attempt, which maxAttempts counts.';
    part.set('retry.maxAttempts', Math.floor(retries) + 1, written, note);
    return;
  }
  const from = written === undefined ? `${policy.where} ${policy.key} without maxRetries` : written;
  part.set(
    'retry.maxAttempts',
    ENDLESS,
    from,
    `In Dapr this policy repeats without end. Breakwater always has an end: ${ENDLESS} attempts are the most that \`check\` does not warn of.`,
  );
}

function convertConstant(policy: Foreign, part: Part): void {
  const written = policy.get('duration');
  const ms = readDuration(written) ?? DEFAULT_DELAY_MS;
  part.set('retry.backoff.strategy', 'constant', policy.get('policy') ?? "Dapr's default");
  policy.get('policy')?.text();
  const delay = ms === 0 ? '0s' : showDuration(ms);
  part.set('retry.backoff.baseDelay', delay, written ?? "Dapr's default");
  if (ms > 2000) part.set('retry.backoff.maxDelay', delay, 'not less than the delay');
  part.set(
    'retry.backoff.jitter',
    'none',
    'as in Dapr; `full` keeps calls that failed together from coming back together',
  );
  const unused = policy.get('maxInterval');
  if (unused !== undefined) {
    part.note(
      `${unused.use().origin}: has no effect in a constant policy of Dapr.`,
      'retry.backoff',
    );
  }
}

function convertExponential(policy: Foreign, part: Part): void {
  const { baseMs, multiplier, maxMs } = exponential;
  const max = policy.get('maxInterval');
  part.set('retry.backoff.strategy', 'exponential', policy.get('policy'));
  part.set('retry.backoff.baseDelay', showDuration(baseMs), 'fixed in Dapr');
  part.set('retry.backoff.multiplier', multiplier, 'fixed in Dapr');
  part.set(
    'retry.backoff.maxDelay',
    showDuration(readDuration(max) ?? maxMs),
    max ?? "Dapr's default",
    'The first delay is 250ms to 750ms in Dapr, even if maxInterval is less. Dapr gives up after 15 minutes; here `timeout.total` would be the limit.',
  );
  part.set('retry.backoff.jitter', 'half', 'fixed in Dapr: half to one and a half times the delay');
  const unused = policy.get('duration');
  if (unused !== undefined) {
    part.note(
      `${unused.use().origin}: has no effect in an exponential policy of Dapr.`,
      'retry.backoff',
    );
  }
}

function convertMatching(policy: Foreign, part: Part): void {
  const http = policy.at('matching', 'httpStatusCodes');
  const list = parseStatusList(http?.text() ?? '');
  if (http === undefined || list === undefined) {
    part.differs(
      'Retries: without `matching`, Dapr repeats after every status that is an error, 400 and 404 too. Here it is `retry.statuses`: 408, 429, 500, 502, 503 and 504 by default.',
    );
    if (http !== undefined) part.note(`${http.origin}: this is no list of statuses.`, 'retry');
  } else {
    const allowed = list.statuses.filter((status) => status >= 400 && status <= 599);
    part.set('retry.statuses', allowed, http);
    if (list.hasRange) {
      part.note('Of a range these are the statuses that servers really send.', 'retry.statuses');
    }
    if (allowed.length < list.statuses.length) {
      part.note('Statuses below 400 are never repeated here.', 'retry.statuses');
    }
    part.note(
      'Resets, timeouts and failed connections are repeated here as well.',
      'retry.statuses',
    );
  }
  const grpc = policy.at('matching', 'gRPCStatusCodes');
  const codes = parseGrpcCodes(grpc?.text() ?? '');
  if (grpc === undefined) return;
  if (codes === undefined) {
    part.note(`${grpc.origin}: this is no list of gRPC statuses.`, 'retry');
    return;
  }
  part.set(
    'retry.grpc',
    'idempotent',
    grpc,
    'Dapr repeats all gRPC calls. With `unsent` only calls of which nothing was sent are repeated: choose that if methods may not be carried out twice.',
  );
  part.set('retry.grpcStatuses', codes, grpc);
}
