/** What `explain` says about one request: when it is retried, how long it may take, and how much load it may cause. */
import type { PolicySettings, UpstreamConfig } from '../config.js';
import { plural } from '../../lib/plural.js';
import { listWords } from '../syntax/diagnostics.js';
import { forecast, showMs, type Forecast } from './forecast.js';

/** One line each, in words and not in YAML. */
export function describeRequest(method: string, policies: PolicySettings): string[] {
  const expected = forecast(policies);
  return [
    `retry: ${describeRetry(method, policies)}`,
    `worst case: ${describeTime(expected, policies)}`,
    `load: ${describeLoad(expected, policies)}`,
  ];
}

/** What of a request a hash goes by; nothing where another strategy chooses. */
export function describeHash({ balance }: UpstreamConfig, path: string): string[] {
  const { strategy, key } = balance;
  if (strategy !== 'hash' || key === undefined) return [];
  if (key === 'path') return [`balance: hash of the path ${path.replace(/\?.*/, '')}`];
  const { header, cookie } = key;
  const field = header === undefined ? `cookie ${cookie}` : `header ${header}`;
  return [`balance: hash of the ${field}; least-request for a request without it`];
}

/** The header that makes a request repeatable; its usual name if the policy is off. */
function idempotencyHeader(policies: Readonly<Record<string, unknown>>): string {
  const { header } = Object(policies['idempotency']) as { readonly header?: unknown };
  return typeof header === 'string' ? header : 'Idempotency-Key';
}

function describeRetry(method: string, policies: PolicySettings): string {
  const { retry } = policies;
  if (retry === 'off') return 'never, because retry is off';
  if (retry.maxAttempts === 1) return 'never, because retry.maxAttempts is 1';
  const statuses =
    retry.statuses.length === 0 ? '' : `, timeout, or ${listWords(retry.statuses.map(String))}`;
  const causes = `unsent, reset${statuses === '' ? ' or timeout' : statuses}`;
  return retry.methods.includes(method)
    ? `${method} is retried after all causes: ${causes}`
    : `${method} is retried only if it was unsent; with ${idempotencyHeader(policies)} after all causes: ${causes}`;
}

/** `3 attempts x 10s`, or, if they grow, `3 attempts of 10s to 20s`. */
function describeAttempts({ attempts, attemptMs, lastAttemptMs }: Forecast): string {
  const count = plural(attempts, 'attempt');
  return attemptMs === lastAttemptMs
    ? `${count} x ${showMs(attemptMs)}`
    : `${count} of ${showMs(attemptMs)} to ${showMs(lastAttemptMs)}`;
}

function describeTime(expected: Forecast, { retry, timeout }: PolicySettings): string {
  const { attempts, backoffMs, neededMs, totalMs } = expected;
  if (neededMs === Infinity) {
    const mayLearn = timeout !== 'off' && timeout.adaptive !== 'off';
    return totalMs === Infinity
      ? 'no limit, because timeout.attempt and timeout.total are off'
      : `${showMs(totalMs)} (timeout.total; an attempt has no limit of its own${mayLearn ? ' until timeout.adaptive has learned one' : ''})`;
  }
  const delays = backoffMs === 0 ? '' : ` + ${showMs(backoffMs)} back-off`;
  const sum = describeAttempts(expected) + delays;
  if (neededMs > totalMs) {
    return `${showMs(totalMs)} (timeout.total cuts ${sum} = ${showMs(neededMs)} short)`;
  }
  const bound =
    totalMs === Infinity ? 'timeout.total is off' : `timeout.total is ${showMs(totalMs)}`;
  const mayWait = retry !== 'off' && attempts > 1 && retry.respectRetryAfter;
  return `${showMs(neededMs)} (${sum})${mayWait ? ', or longer if a Retry-After asks for it' : ''}; ${bound}`;
}

function describeLoad({ attempts }: Forecast, { retry }: PolicySettings): string {
  if (retry === 'off' || attempts === 1) return 'at most 1 attempt per call';
  const most = `at most ${attempts} attempts per call`;
  if (retry.budget === 'off')
    return `${most}, and x${attempts} for as long as an outage lasts, because retry.budget is off`;
  const { ratio, minPerSecond } = retry.budget;
  // A call has no more retries than attempts after the first, even if the budget allows more.
  const factor = Number(Math.min(1 + ratio, attempts).toPrecision(4));
  return `${most}; in an outage x${factor} + ${minPerSecond}/s, by retry.budget`;
}
