/** What becomes of the settings of resilience4j. */
import t from 'tap';
import { importText } from './support.js';

const settings = (module: string, instance: string, configs = '{}') =>
  `resilience4j:\n  ${module}:\n    configs: ${configs}\n    instances: { a: ${instance} }\n`;

t.test('an instance becomes an upstream with all of its modules', async (t) => {
  const { upstreams, file } = importText(
    t,
    'resilience4j',
    `resilience4j:
  retry.instances.pay.maxAttempts: 2
  timelimiter: { instances: { pay: { timeoutDuration: 2s } } }
  bulkhead: { instances: { pay: { maxConcurrentCalls: 7 }, other: {} } }
`,
  );
  t.match(upstreams, {
    pay: {
      listen: 8101,
      target: 'http://pay:80',
      retry: { maxAttempts: 2 },
      timeout: { total: '2s', attempt: 'off' },
      bulkhead: { maxConcurrent: 7, maxQueue: 0 },
    },
    other: { listen: 8102, bulkhead: { maxConcurrent: 25 } },
  });
  t.match(file['defaults'], { retry: 'off', circuitBreaker: 'off', bulkhead: 'off' });
});

t.test('maxAttempts counts the first attempt, as here', async (t) => {
  const { upstreams } = importText(t, 'resilience4j', settings('retry', '{ max-attempts: 4 }'));
  t.match(upstreams['a'], {
    retry: {
      maxAttempts: 4,
      backoff: { strategy: 'constant', baseDelay: '500ms', jitter: 'none' },
    },
  });
});

t.test('waits are constant, exponential or spread', async (t) => {
  const { upstreams, comments } = importText(
    t,
    'resilience4j',
    settings(
      'retry',
      '{ waitDuration: 100, maxAttempts: 4, enableExponentialBackoff: true, exponentialBackoffMultiplier: 3, enableRandomizedWait: true, randomizedWaitFactor: 0.2 }',
    ),
  );
  t.match(upstreams['a'], {
    retry: {
      backoff: {
        strategy: 'exponential',
        baseDelay: '100ms',
        multiplier: 3,
        maxDelay: '900ms',
        jitter: 'half',
      },
    },
  });
  t.match(comments, /randomizedWaitFactor: 0.2: here the delay varies by 50%/);
  const capped = settings(
    'retry',
    '{ enableExponentialBackoff: true, exponentialMaxWaitDuration: 1s }',
  );
  const result = importText(t, 'resilience4j', capped);
  t.match(result.upstreams['a'], { retry: { backoff: { multiplier: 1.5, maxDelay: '1s' } } });
  const ignored = /resilience4j 2.4.0 ignores enableExponentialBackoff/;
  t.match(result.comments, ignored);
  for (const [instance, base, isIgnored] of [
    ['enableExponentialBackoff: true', 'waitDuration: 1s', true],
    ['waitDuration: 1s', 'enableExponentialBackoff: true', false],
    ['maxAttempts: 2', 'waitDuration: 1s, enableExponentialBackoff: true', false],
  ] as const) {
    const text = settings('retry', `{ baseConfig: b, ${instance} }`, `{ b: { ${base} } }`);
    t.equal(ignored.test(importText(t, 'resilience4j', text).comments), isIgnored, instance);
  }
});

t.test('a window of calls is a window of time here', async (t) => {
  const { upstreams, comments } = importText(
    t,
    'resilience4j',
    settings('circuitbreaker', '{ slidingWindowSize: 10, failureRateThreshold: 40 }'),
  );
  t.match(upstreams['a'], {
    circuitBreaker: {
      failureThreshold: 'off',
      failureRate: { threshold: '40%', window: '1m', minimumCalls: 10 },
      recoveryTimeout: '1m',
      halfOpenMaxCalls: 10,
      successThreshold: 10,
    },
  });
  t.match(comments, /judges the last 10 calls, however old they are/);
  const timed = settings(
    'circuitbreaker',
    '{ slidingWindowType: time_based, slidingWindowSize: 30, minimumNumberOfCalls: 5 }',
  );
  t.match(importText(t, 'resilience4j', timed).upstreams['a'], {
    circuitBreaker: { failureRate: { threshold: '50%', window: '30s', minimumCalls: 5 } },
  });
});

t.test('slow calls and growing waits', async (t) => {
  const { upstreams } = importText(
    t,
    'resilience4j',
    settings(
      'circuitbreaker',
      '{ slowCallDurationThreshold: PT1.5S, slowCallRateThreshold: 70, waitDurationInOpenState: 10s, enableExponentialBackoff: true, exponentialBackoffMultiplier: 2, exponentialMaxWaitDurationInOpenState: 1m }',
    ),
  );
  t.match(upstreams['a'], {
    circuitBreaker: {
      slowCall: { duration: '1500ms', threshold: '70%' },
      recoveryTimeout: '10s',
      recoveryMultiplier: 2,
      maxRecoveryTimeout: '1m',
    },
  });
});

t.test('keys of a base configuration are inherited', async (t) => {
  const configs =
    '{ default: { maxAttempts: 7 }, slow: { baseConfig: default, waitDuration: 1s }, unused: { maxAttempts: 9 } }';
  const byDefault = importText(
    t,
    'resilience4j',
    settings('retry', '{ waitDuration: 2s }', configs),
  );
  t.match(byDefault.upstreams['a'], { retry: { maxAttempts: 7, backoff: { baseDelay: '2s' } } });
  t.match(byDefault.comments, /unused: { maxAttempts: 9 }: no instance is based on it/);
  const named = importText(t, 'resilience4j', settings('retry', '{ baseConfig: slow }', configs));
  t.match(named.upstreams['a'], { retry: { maxAttempts: 7, backoff: { baseDelay: '1s' } } });
  const missing = importText(t, 'resilience4j', settings('retry', '{ baseConfig: nope }', configs));
  t.match(missing.comments, /baseConfig: nope: there is no such configuration/);
});

t.test('bulkheads: callers that wait, and thread pools', async (t) => {
  const waiting = settings('bulkhead', '{ maxConcurrentCalls: 5, maxWaitDuration: 100ms }');
  t.match(importText(t, 'resilience4j', waiting).upstreams['a'], {
    bulkhead: { maxConcurrent: 5, maxQueue: 200, queueTimeout: '100ms' },
  });
  const pool = settings('thread-pool-bulkhead', '{ maxThreadPoolSize: 4, coreThreadPoolSize: 2 }');
  const pooled = importText(t, 'resilience4j', pool);
  t.match(pooled.upstreams['a'], {
    bulkhead: { maxConcurrent: 4, maxQueue: 100, queueTimeout: 'off' },
  });
  t.match(pooled.comments, /coreThreadPoolSize: 2: Breakwater has no threads/);
  const both = importText(
    t,
    'resilience4j',
    `resilience4j.bulkhead.instances.a: {}\nresilience4j.thread-pool-bulkhead.instances.a.maxThreadPoolSize: 4\n`,
  );
  t.match(both.upstreams['a'], { bulkhead: { maxConcurrent: 25 } });
  t.match(both.comments, /this instance has two bulkheads/);
});

t.test('a rate limit refuses where resilience4j waits', async (t) => {
  const limited = settings('ratelimiter', '{ limitForPeriod: 6, limitRefreshPeriod: 1m }');
  const result = importText(t, 'resilience4j', limited);
  t.match(result.upstreams['a'], { rateLimit: { rate: '6/m', burst: 6 } });
  t.match(result.comments, /lets calls wait for a permission/);
  const boundless = importText(t, 'resilience4j', settings('ratelimiter', '{}'));
  t.notHas(boundless.upstreams['a'], { rateLimit: {} });
  t.match(boundless.comments, /is no limit in practice/);
});

t.test('placeholders: the default counts, and without one the key is left out', async (t) => {
  const { upstreams, comments } = importText(
    t,
    'resilience4j',
    settings('retry', '{ maxAttempts: "${TRIES:4}", waitDuration: "${WAIT}" }'),
  );
  t.match(upstreams['a'], { retry: { maxAttempts: 4, backoff: { baseDelay: '500ms' } } });
  t.match(comments, /TRIES may change it/);
  t.match(comments, /the value of WAIT is not known here/);
});

t.test(
  'other keys of the application are left out, and no value of them is repeated',
  async (t) => {
    const { text, comments } = importText(
      t,
      'resilience4j',
      `spring: { datasource: { password: hunter2 } }\nresilience4j.retry.instances.a: {}\n`,
    );
    t.match(comments, /left out: spring/);
    t.notMatch(text, /hunter2/);
  },
);

t.test('a document for a profile is told, not mixed in', async (t) => {
  const { upstreams, comments } = importText(
    t,
    'resilience4j',
    `resilience4j.retry.instances.a.maxAttempts: 2
---
spring.config.activate.on-profile: prod
resilience4j.retry.instances.a.maxAttempts: 9
`,
  );
  t.match(upstreams['a'], { retry: { maxAttempts: 2 } });
  t.match(comments, /on-profile: prod: this document is for a profile.*maxAttempts: 9/);
});

t.test('properties files are read as Spring reads them', async (t) => {
  const { upstreams, comments } = importText(
    t,
    'resilience4j',
    [
      '# comment',
      'server.port=80',
      'resilience4j.retry.instances.pay.max-attempts = 2',
      'resilience4j.retry.instances.pay.wait-duration: 1\\',
      '    s',
      'resilience4j.retry.instances.pay.retry-exceptions[0]=a.B',
      'resilience4j.retry.instances.pay.retry-exceptions[1]=a.\\u0043',
    ].join('\n'),
    { name: 'application.properties' },
  );
  t.match(upstreams['pay'], { retry: { maxAttempts: 2, backoff: { baseDelay: '1s' } } });
  t.match(comments, /application.properties:3 max-attempts: 2/);
  t.match(comments, /retry-exceptions: \[a\.B, a\.C\]/);
});
