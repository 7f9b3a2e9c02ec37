/** What `explain` tells of one request: when it is tried again, how long that may take, and what load it may become. */
import type { PolicySettings } from '../config.js';
import { listWords } from '../syntax/diagnostics.js';
import { forecast, showMs, type Forecast } from './forecast.js';

/** One line each, without the file's notation. */
export function describeRequest(method: string, policies: PolicySettings): string[] {
  const expected = forecast(policies);
  return [
    `retry: ${describeRetry(method, policies)}`,
    `worst case: ${describeTime(expected, policies)}`,
    `load: ${describeLoad(expected, policies)}`,
  ];
}

/** The name of the header where the policy is off, and the policy where there is none. */
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
    ? `${method} is tried again after all causes: ${causes}`
    : `${method} is tried again only if it was unsent; with ${idempotencyHeader(policies)} after all causes: ${causes}`;
}

/** `3 tries x 10s`, or, where they grow, `3 tries of 10s to 20s`. */
function describeTries({ tries, attemptMs, lastAttemptMs }: Forecast): string {
  const count = `${tries} ${tries === 1 ? 'try' : 'tries'}`;
  return attemptMs === lastAttemptMs
    ? `${count} x ${showMs(attemptMs)}`
    : `${count} of ${showMs(attemptMs)} to ${showMs(lastAttemptMs)}`;
}

function describeTime(expected: Forecast, { retry, timeout }: PolicySettings): string {
  const { tries, backoffMs, neededMs, totalMs } = expected;
  if (neededMs === Infinity) {
    const mayLearn = timeout !== 'off' && timeout.adaptive !== 'off';
    return totalMs === Infinity
      ? 'without end, because neither timeout.attempt nor timeout.total bounds it'
      : `${showMs(totalMs)} (timeout.total; a try has no limit of its own${mayLearn ? ' until timeout.adaptive has learned one' : ''})`;
  }
  const delays = backoffMs === 0 ? '' : ` + ${showMs(backoffMs)} back-off`;
  const sum = describeTries(expected) + delays;
  if (neededMs > totalMs) {
    return `${showMs(totalMs)} (timeout.total cuts ${sum} = ${showMs(neededMs)} short)`;
  }
  const bound =
    totalMs === Infinity ? 'timeout.total is off' : `timeout.total is ${showMs(totalMs)}`;
  const mayWait = retry !== 'off' && tries > 1 && retry.respectRetryAfter;
  return `${showMs(neededMs)} (${sum})${mayWait ? ', or longer if a Retry-After asks for it' : ''}; ${bound}`;
}

function describeLoad({ tries }: Forecast, { retry }: PolicySettings): string {
  if (retry === 'off' || tries === 1) return 'at most 1 try per call';
  const most = `at most ${tries} tries per call`;
  if (retry.budget === 'off')
    return `${most}, and x${tries} for as long as an outage lasts, because retry.budget is off`;
  const { ratio, minPerSecond } = retry.budget;
  // There are no more retries than attempts after the first, whatever the budget allows.
  const factor = Number(Math.min(1 + ratio, tries).toPrecision(4));
  return `${most}; in an outage x${factor} + ${minPerSecond}/s, by retry.budget`;
}
