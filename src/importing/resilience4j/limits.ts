/** `resilience4j.bulkhead`, `thread-pool-bulkhead`, `ratelimiter` and `timelimiter` */
import type { Part } from '../part.js';
import { showDuration, showRate } from '../values.js';
import type { Instance } from './instance.js';

const DEFAULT = "resilience4j's default";
const defaults = { calls: 25, queue: 100, limit: 50, periodMs: 500e-6, timeLimitMs: 1000 };

/** A rate so high that no caller meets it. */
const BOUNDLESS_PER_SECOND = 1_000_000;

/** The threads of a Tomcat by default: so many callers can wait there. */
const THREADS = 200;

export function convertBulkhead(instance: Instance, part: Part): void {
  const calls = instance.number('maxConcurrentCalls', 'maxConcurrentCall');
  const wait = instance.duration('maxWaitDuration', 'maxWaitTime');
  const count = calls?.value ?? defaults.calls;
  part.set('bulkhead.maxConcurrent', Math.max(1, count), calls?.from ?? DEFAULT);
  if (count === 0) part.note('0 refuses every call in resilience4j.', 'bulkhead.maxConcurrent');
  if (wait === undefined || wait.value === 0) {
    part.set('bulkhead.maxQueue', 0, wait?.from ?? `${DEFAULT}: calls do not wait`);
  } else {
    part.set(
      'bulkhead.maxQueue',
      THREADS,
      'change it',
      `resilience4j has no limit for callers that wait; ${THREADS} is the number of threads that a Tomcat has for them.`,
    );
    part.set('bulkhead.queueTimeout', showDuration(wait.value), wait.from);
  }
  part.differs(
    'Bulkheads: in the order of the Spring annotations the bulkhead is within the retry, so that an attempt takes a place. Here a call takes one, and gives it back while it waits for its next attempt.',
  );
}

export function convertThreadPool(instance: Instance, part: Part): void {
  const size = instance.number('maxThreadPoolSize');
  const queue = instance.number('queueCapacity');
  if (part.has('bulkhead')) {
    part.note(
      `${instance.own.use().origin}: this instance has two bulkheads. The thread pool is left out: Breakwater has no threads for calls.`,
    );
    return;
  }
  if (size === undefined) {
    part.note(
      'maxThreadPoolSize is the number of processors by default, which is not known here: `bulkhead.maxConcurrent` is the default of Breakwater.',
    );
  } else part.set('bulkhead.maxConcurrent', Math.max(1, size.value), size.from);
  part.set('bulkhead.maxQueue', queue?.value ?? defaults.queue, queue?.from ?? DEFAULT);
  part.set('bulkhead.queueTimeout', 'off', 'a place in the queue has no time limit');
  for (const key of ['coreThreadPoolSize', 'keepAliveDuration'] as const) {
    const written = instance.get(key);
    if (written === undefined) continue;
    part.note(`${written.use().origin}: Breakwater has no threads for calls.`, 'bulkhead');
  }
}

export function convertRateLimiter(instance: Instance, part: Part): void {
  const limit = instance.number('limitForPeriod');
  const period = instance.duration('limitRefreshPeriod');
  const wait = instance.duration('timeoutDuration');
  const count = Math.max(1, limit?.value ?? defaults.limit);
  const perSecond = (count * 1000) / Math.max(period?.value ?? defaults.periodMs, 1e-6);
  if (perSecond >= BOUNDLESS_PER_SECOND) {
    part.note(
      `${(limit?.from ?? instance.own).origin}: ${count} calls in ${period === undefined ? '500ns, the default of limitRefreshPeriod,' : period.from.written} is no limit in practice, so there is no \`rateLimit\`.`,
    );
  } else {
    part.set('rateLimit.rate', showRate(perSecond), period?.from ?? DEFAULT);
    part.set(
      'rateLimit.burst',
      count,
      limit?.from ?? DEFAULT,
      'resilience4j allows the whole number anew in each period, so twice as many around its end. Here the rate holds at any time.',
    );
    part.differs(
      'Rate limits: in the order of the Spring annotations each attempt needs a permission. Here a call does, whatever its number of attempts.',
    );
  }
  const path = part.has('rateLimit') ? 'rateLimit' : undefined;
  part.note(
    `${wait?.from.origin ?? 'timeoutDuration: 5s by default'}: resilience4j lets calls wait for a permission. Here a call over the limit is refused at once: 429 with \`Retry-After\`.`,
    path,
  );
}

export function convertTimeLimiter(instance: Instance, part: Part): void {
  const limit = instance.duration('timeoutDuration');
  const ms = limit?.value ?? defaults.timeLimitMs;
  part.set('timeout.total', ms > 0 ? showDuration(ms) : 'off', limit?.from ?? DEFAULT);
  part.differs(
    'Time limits: in the order of the Spring annotations the time limiter is within the retry, so that each attempt has this time. Here `timeout.total` is the time of the whole call, its attempts and delays included: raise it, and set `timeout.attempt`, if each attempt is meant.',
  );
  part.set('timeout.attempt', 'off', 'only the whole call has a limit');
  const cancels = instance.flag('cancelRunningFuture');
  if (cancels !== undefined) {
    part.note(
      `${cancels.from.origin}: here a call that is late is always cancelled.`,
      'timeout.total',
    );
  }
}
