/** What other programs would understand, and what would go wrong in silence, is refused with what to write instead. */
import t from 'tap';
import { loadText } from '../../src/config/load.js';
import { foreignKeys } from '../../src/config/lint/foreign/keys.js';
import { fileSchemas } from '../../src/config/schema/schema.js';
import { policies } from '../../src/policies/index.js';

const upstream = (keys: string) => `upstreams:\n  a: { listen: 1, target: "http://a", ${keys} }\n`;

/** The messages for a file, without the list of allowed keys. */
function mistakes(text: string): string[] {
  return loadText(text, 'f.yaml', {}).diagnostics.map(({ path, message }) =>
    `${path}: ${message}`.replace(/ allowed are .*/, ''),
  );
}

/** The one message for an upstream with these keys. */
function mistake(keys: string): string {
  const found = mistakes(upstream(keys));
  if (found.length !== 1) throw new Error(`${keys}: ${found.join('\n')}`);
  return found[0]!;
}

/** The policies of an upstream with these keys. */
function load(keys: string, rest = '') {
  const { config, diagnostics } = loadText(upstream(keys) + rest, 'f.yaml', {});
  if (config === undefined) throw new Error(JSON.stringify(diagnostics));
  return config.upstreams[0]!.policies;
}

const route = (path: string) => `routes: [{ name: r, match: { path: '${path}' } }]`;

t.test('refuses the route paths of other programs, with the path to write', async (t) => {
  const translated: Record<string, string> = {
    '/a/{id}': '/a/:id',
    '/a/{id}/b': '/a/:id/b',
    '/a/{id:[0-9]+}': '/a/:id',
    '/a/{path=**}': '/a/*',
    '/a/[id]': '/a/:id',
    '/a/[...rest]': '/a/*',
    '/a/[0-9]+': '/a/:name',
    '/a/<int:id>': '/a/:id',
    '/a/:id(\\d+)': '/a/:id',
    '/a/:id+': '/a/*',
    '/a/**': '/a/*',
    '/a/.*': '/a/*',
    '^/a/.*$': '/a/*',
    '/a$': '/a',
  };
  for (const [path, right] of Object.entries(translated)) {
    t.match(
      mistake(route(path)),
      new RegExp(`; did you mean "${right.replace('*', '\\*')}"\\?$`),
      path,
    );
  }
  for (const [path, escape] of [
    ['/a+b', '%2B'],
    ['/a/(b|c)', '%28'],
    ['/a/{id}.json', '%7B'],
    ['/Orders(1)', '%28'],
  ] as const) {
    t.match(mistake(route(path)), new RegExp(`, ${escape} for the character . itself$`), path);
  }
  for (const path of [
    '/Orders/$count',
    '/v1/models/x:generate',
    '/a/%2B',
    '/a/:id/*',
    '/a,b;c=1',
  ]) {
    t.strictSame(mistakes(upstream(route(path))), [], path);
  }
});

t.test('refuses a prefix that is written as a pattern', async (t) => {
  for (const prefix of ['/a/*', '/a/:id', '/a/{id}', '/a/[id]', '/a$', '/*']) {
    t.match(mistake(`prefix: '${prefix}'`), /is not a pattern: .*; did you mean "\/a?"\?$/, prefix);
  }
  t.strictSame(mistakes(upstream("prefix: '/a+b'")), []);
});

t.test('refuses shares over 100%, except for the retry budget', async (t) => {
  for (const keys of [
    'timeout: { attemptGrowth: 101% }',
    'circuitBreaker: { failureRate: { threshold: 100.5% } }',
    'circuitBreaker: { slowCall: { threshold: 150% } }',
    'bulkhead: { adaptive: { decreaseAbove: 120% } }',
    'bulkhead: { adaptive: { increaseBelow: 1000% } }',
  ]) {
    t.match(mistake(keys), /must be a share .*; the most is 100%$/, keys);
  }
  t.match(mistakes(`overload: { shed: 130% }\n${upstream('')}`), [/the most is 100%$/]);
  t.match(mistake('bulkhead: { adaptive: { decreaseAbove: 1.5 } }'), /did you mean "1\.5%"\?$/);
  t.equal(
    (load('retry: { budget: { ratio: 250% } }').retry as { budget: { ratio: number } }).budget
      .ratio,
    2.5,
  );
  t.strictSame(mistakes(upstream('circuitBreaker: { failureRate: { threshold: 100.0% } }')), []);
});

t.test('refuses 0 where off is meant', async (t) => {
  const off = ['connect', 'write', 'attempt', 'idle', 'total', 'stream'].flatMap((key) =>
    ['0s', '0ms', '0h0m', '0', '-1'].map((value) => `timeout: { ${key}: ${value} }`),
  );
  for (const keys of [
    ...off,
    'timeout: { attemptGrowth: 0% }',
    'circuitBreaker: { failureThreshold: 0 }',
  ]) {
    t.match(mistake(keys), /, or off, but is .*; did you mean "off"\?$/, keys);
  }
  for (const rest of ['limits: { maxRequestBody: 0B }', 'overload: { eventLoopDelay: 0s }']) {
    t.match(mistakes(upstream('') + rest), [/; did you mean "off"\?$/], rest);
  }
});

t.test('refuses 0 where nothing works without more', async (t) => {
  for (const keys of [
    'circuitBreaker: { recoveryTimeout: 0s }',
    'circuitBreaker: { failureRate: { threshold: 0% } }',
    'circuitBreaker: { failureRate: { window: 0s } }',
    'retry: { budget: { window: 0s } }',
    'idempotency: { ttl: 0s }',
    'idempotency: { lockTimeout: 0ms }',
    'fallback: [{ cache: { ttl: 0s } }]',
    'timeout: { adaptive: { max: 0s } }',
  ]) {
    t.match(mistake(keys), /; it must be above 0$/, keys);
  }
  // As from an environment variable that is empty.
  for (const keys of ['deadline: { buffer: "" }', 'retry: { bodyLimit: " " }']) {
    t.match(mistake(keys), /, but is " ?"$/, keys);
  }
  for (const key of ['headerTimeout', 'bodyIdle', 'keepAlive']) {
    for (const zero of ['0s', '0']) {
      t.match(
        mistakes(`${upstream('')}limits: { ${key}: ${zero} }`),
        [/; it must be above 0$/],
        key,
      );
    }
  }
});

t.test('allows 0 where nothing is a sensible value', async (t) => {
  for (const keys of [
    'bulkhead: { queueTimeout: 0s, maxQueue: 0 }',
    'deadline: { buffer: 0s }',
    'retry: { backoff: { baseDelay: 0s, maxDelay: 0ms }, maxRetryAfter: 0s }',
    'retry: { budget: { ratio: 0%, minPerSecond: 0 } }',
    'circuitBreaker: { minimumTimeout: 0s }',
  ]) {
    t.strictSame(mistakes(upstream(keys)), [], keys);
  }
  t.strictSame(mistakes(`${upstream('')}shutdown: { delay: 0s, grace: 0s }`), []);
});

t.test('reads durations of several parts', async (t) => {
  const { timeout } = load('timeout: { attempt: 1m30s, total: 1h30m15.5s, idle: 1s500ms }');
  t.match(timeout, { attempt: 90_000, total: 5_415_500, idle: 1500 });
  for (const [written, right] of [
    ['1m 30s', '1m30s'],
    ['PT1M30S', '1m30s'],
    ['00:01:30', '90s'],
  ] as const) {
    t.match(
      mistake(`timeout: { attempt: "${written}" }`),
      new RegExp(`; did you mean "${right}"\\?$`),
    );
  }
  for (const written of ['30s1m', '1m1m', 'm30s', '1s1']) {
    t.match(mistake(`timeout: { attempt: ${written} }`), /must be a duration/, written);
  }
});

t.test('takes on for the defaults', async (t) => {
  const builtIn = load('preserveHost: false');
  for (const on of ['on', 'true', '"on"']) {
    t.strictSame(load(`retry: ${on}, bulkhead: ${on}, timeout: { attempt: ${on} }`), builtIn, on);
  }
  t.strictSame(load('idempotency: on').idempotency, load('idempotency: {}').idempotency);
  t.strictSame(
    load('circuitBreaker: { slowCall: on }').circuitBreaker,
    load('circuitBreaker: { slowCall: {} }').circuitBreaker,
  );
  const { config } = loadText(`overload: on\n${upstream('')}`, 'f.yaml', {});
  t.match(config?.overload, { eventLoopDelay: 100, shed: 0.3 });
});

t.test('takes on over what an earlier layer wrote', async (t) => {
  const wrote =
    'defaults: { retry: { maxAttempts: 2 }, timeout: { attempt: 7s, idle: off }, deadline: off }';
  const { retry, timeout, deadline } = load(
    'retry: on, timeout: { attempt: on, idle: on }, deadline: on',
    wrote,
  );
  t.match(retry, { maxAttempts: 2 }, 'what is on stays as it is');
  t.match(timeout, { attempt: 7000, idle: 30_000 });
  t.match(deadline, { header: 'X-Deadline' });
});

t.test('refuses on where it says nothing', async (t) => {
  t.match(mistake('fallback: on'), /must be a list that is not empty, or off/);
  t.match(mistake('timeout: { attemptGrowth: on }'), /must be a share such as 20%, or off/);
  t.match(mistakes(`${upstream('')}limits: { maxConnections: on }`), [/must be a whole number/]);
});

t.test('knows keys of seven programs, each with an option that there is', async (t) => {
  t.ok(foreignKeys.length >= 60, `${foreignKeys.length} keys`);
  const { file, upstream: of } = fileSchemas(policies);
  interface Part {
    readonly properties?: Readonly<Record<string, Part>>;
    readonly anyOf?: readonly Part[];
    readonly $ref?: string;
  }
  const definitions = (file as unknown as { $defs: Readonly<Record<string, Part>> }).$defs;
  const step = (part: Part | undefined, key: string): Part | undefined => {
    const properties =
      part?.properties ?? part?.anyOf?.find((branch) => branch.properties)?.properties;
    const found = properties?.[key];
    return found?.$ref === undefined ? found : definitions[found.$ref.split('/').at(-1)!];
  };
  for (const { program, key, option } of foreignKeys) {
    const keys = option.split('.');
    const found = [file as Part, of as Part].some(
      (root) => keys.reduce<Part | undefined>(step, root) !== undefined,
    );
    t.ok(found, `${key} of ${program}: ${option}`);
  }
  t.strictSame(
    [...new Set(foreignKeys.map(({ program }) => program))],
    ['Envoy', 'Dapr', 'resilience4j', 'Polly', 'nginx', 'HAProxy', 'Kubernetes'],
  );
});

t.test('tells the option for the key of another program, with the value', async (t) => {
  const hints: readonly (readonly [string, string, string])[] = [
    ['num_retries: 3', 'Envoy', 'retry.maxAttempts: 4'],
    ['numRetries: 3', 'Envoy', 'retry.maxAttempts: 4'],
    ['max_requests: 100', 'Envoy', 'bulkhead.maxConcurrent: 100'],
    ['per_try_timeout: 0.25s', 'Envoy', 'timeout.attempt: 0.25s'],
    ['retriable_status_codes: [503, 429]', 'Envoy', 'retry.statuses: [503, 429]'],
    ['auto_host_rewrite: true', 'Envoy', 'preserveHost: false'],
    ['max_request_headers_kb: 60', 'Envoy', 'limits.maxHeaderSize: 60KiB'],
    ['budget_percent: { value: 25 }', 'Envoy', 'retry.budget.ratio: 25%'],
    ['maxRetries: 3', 'Dapr', 'retry.maxAttempts: 4'],
    ['trip: consecutiveFailures > 5', 'Dapr', 'circuitBreaker.failureThreshold: 6'],
    ['trip: consecutiveFailures >= 5', 'Dapr', 'circuitBreaker.failureThreshold: 5'],
    ['failureRateThreshold: 50', 'resilience4j', 'circuitBreaker.failureRate.threshold: 50%'],
    ['failure-rate-threshold: 50', 'resilience4j', 'circuitBreaker.failureRate.threshold: 50%'],
    ['waitDurationInOpenState: 10000', 'resilience4j', 'circuitBreaker.recoveryTimeout: 10s'],
    ['waitDurationInOpenState: PT10S', 'resilience4j', 'circuitBreaker.recoveryTimeout: 10s'],
    ['enableRandomizedWait: false', 'resilience4j', 'retry.backoff.jitter: none'],
    ['MaxRetryAttempts: 3', 'Polly', 'retry.maxAttempts: 4'],
    ['FailureRatio: 0.1', 'Polly', 'circuitBreaker.failureRate.threshold: 10%'],
    ['BreakDuration: "00:00:05"', 'Polly', 'circuitBreaker.recoveryTimeout: 5s'],
    ['ShouldRetryAfterHeader: false', 'Polly', 'retry.respectRetryAfter: false'],
    ['proxy_read_timeout: 60', 'nginx', 'timeout.attempt: 1m'],
    ['proxy_pass: "http://b"', 'nginx', 'target: http://b'],
    ['client_max_body_size: 10m', 'nginx', 'limits.maxRequestBody: 10MiB'],
    ['rateLimit: { limitForPeriod: 10 }', 'resilience4j', 'rateLimit.rate'],
    ['token_bucket: { max_tokens: 9, fill_interval: 1s }', 'Envoy', 'rateLimit.burst: 9'],
    ['maxRequestsPerSecond: 10', 'Dapr', 'rateLimit.rate: 10/s'],
    ['TokenLimit: 10', 'Polly', 'rateLimit.burst: 10'],
    ['limit_req: "zone=one"', 'nginx', 'rateLimit'],
    ['limit_req_dry_run: on', 'nginx', 'rateLimit.mode: shadow'],
    ['limit_req_dry_run: off', 'nginx', 'rateLimit.mode: enforce'],
    ['fault: { delay: { fixedDelay: 5s } }', 'Envoy', 'fault.delay.time: 5s'],
    ['samplingRate: "0.1"', 'Dapr', 'tracing.sample: 10%'],
    ['hosts: ["http://b"]', 'Envoy', 'targets'],
    ['lb_policy: ROUND_ROBIN', 'Envoy', 'balance.strategy: round-robin'],
    ['lb_policy: LEAST_REQUEST', 'Envoy', 'balance.strategy: least-request'],
    ['lb_policy: RING_HASH', 'Envoy', 'balance.strategy: hash'],
    ['consecutive_5xx: 5', 'Envoy', 'ejection.consecutiveFailures: 5'],
    ['base_ejection_time: 30s', 'Envoy', 'ejection.baseTime: 30s'],
    ['maxEjectionPercent: 50', 'Envoy', 'ejection.maxShare: 50%'],
    ['slow_start_window: 60s', 'Envoy', 'slowStart: 60s'],
    ['dns_refresh_rate: 5s', 'Envoy', 'resolve.refresh: 5s'],
    ['servers: ["http://b"]', 'nginx', 'targets'],
    ['max_fails: 3', 'nginx', 'ejection.consecutiveFailures: 3'],
    ['fail_timeout: 10', 'nginx', 'ejection.baseTime: 10s'],
    ['slow_start: 30', 'nginx', 'slowStart: 30s'],
    ['least_conn: true', 'nginx', 'balance.strategy: least-request'],
    ['option httpchk: GET /up', 'HAProxy', 'healthCheck.path: /up'],
    ['inter: 2000', 'HAProxy', 'healthCheck.interval: 2s'],
    ['fall: 3', 'HAProxy', 'healthCheck.unhealthyAfter: 3'],
    ['app-health-check-path: /up', 'Dapr', 'healthCheck.path: /up'],
    ['MaxHedgedAttempts: 2', 'Polly', 'hedge.maxExtra: 2'],
    ['periodSeconds: 10', 'Kubernetes', 'healthCheck.interval: 10s'],
    // What these mean is said by the section around them.
    ['circuitBreaker: { timeout: 30s }', 'Dapr', 'circuitBreaker.recoveryTimeout: 30s'],
    ['circuitBreaker: { interval: 8s }', 'Dapr', 'circuitBreaker.failureRate.window: 8s'],
    [
      'circuitBreakers: { simple: { timeout: 30s } }',
      'Dapr',
      'circuitBreaker.recoveryTimeout: 30s',
    ],
    ['retry: { policy: exponential }', 'Dapr', 'retry.backoff.strategy: exponential'],
    ['rateLimit: { PermitLimit: 5 }', 'Polly', 'rateLimit.rate'],
    ['bulkhead: { PermitLimit: 5 }', 'Polly', 'bulkhead.maxConcurrent: 5'],
    ['hedge: { Delay: 1 }', 'Polly', 'hedge.after: 1s'],
    ['retry: { Delay: 1 }', 'Polly', 'retry.backoff.baseDelay: 1s'],
    ['timeout: { Timeout: 5 }', 'Polly', 'timeout.total: 5s'],
  ];
  for (const [keys, program, option] of hints) {
    t.match(
      mistake(keys),
      `is an unknown key; this is a key of ${program}; write \`${option}\``,
      keys,
    );
  }
});

t.test('leaves out a value that has no counterpart', async (t) => {
  for (const [keys, option] of [
    ['retry_on: "5xx,reset"', 'retry.statuses'],
    ['maxRetries: -1', 'retry.maxAttempts'],
    ['failureRateThreshold: high', 'circuitBreaker.failureRate.threshold'],
    ['FailureRatio: 5', 'circuitBreaker.failureRate.threshold'],
    ['client_max_body_size: 0', 'limits.maxRequestBody'],
    ['max_request_headers_kb: 0', 'limits.maxHeaderSize'],
    ['retriable_status_codes: [5xx]', 'retry.statuses'],
    ['trip: totalFailures > 5', 'circuitBreaker.failureThreshold'],
    ['UseJitter: maybe', 'retry.backoff.jitter'],
    ['auto_host_rewrite: 5', 'preserveHost'],
    ['ShouldRetryAfterHeader: x', 'retry.respectRetryAfter'],
    ['proxy_pass: "http://$backend"', 'target'],
    ['per_try_timeout: 0s', 'timeout.attempt'],
  ] as const) {
    t.match(mistake(keys), `write \`${option}\`;`, keys);
  }
});

t.test('tells the option wherever the foreign key stands', async (t) => {
  const places = [
    upstream('retry: { max_requests: 9 }'),
    upstream('routes: [{ name: r, match: {}, max_requests: 9 }]'),
    `defaults: { timeout: { max_requests: 9 } }\n${upstream('')}`,
    `profiles: { p: { max_requests: 9 } }\n${upstream('')}`,
  ];
  for (const text of places)
    t.match(mistakes(text), [/write `bulkhead\.maxConcurrent: 9`;$/], text);
  for (const text of [
    `max_requests: 9\n${upstream('')}`,
    `limits: { max_requests: 9 }\n${upstream('')}`,
  ]) {
    t.match(mistakes(text), [/: 9` in `defaults`, a profile, an upstream or a route;$/], text);
  }
});

t.test('translates what a section of another program holds', async (t) => {
  t.match(
    mistake('circuit_breakers: { thresholds: [{ max_requests: 50, max_pending_requests: 9 }] }'),
    'this is a key of Envoy; write `bulkhead.maxConcurrent: 50` and `bulkhead.maxQueue: 9`;',
  );
  t.match(
    mistakes(
      `resilience4j.circuitbreaker: { instances: { b: { failureRateThreshold: 40, slowCallDurationThreshold: 2s } } }\n${upstream('')}`,
    ),
    [
      /of resilience4j; write `circuitBreaker\.failureRate\.threshold: 40%` and `circuitBreaker\.slowCall\.duration: 2s` in/,
    ],
  );
  t.match(mistake('outlier_detection: {}'), 'write `ejection`;');
  t.match(
    mistake(
      'x: { num_retries: 1, max_requests: 2, max_fails: 3, max_pending_requests: 4, AttemptTimeout: 5, fail_timeout: 6, client_max_body_size: 7 }',
    ),
    / `ejection\.baseTime: 6s` and 1 more/,
  );
});

t.test('translates keys of endpoints', async (t) => {
  t.match(
    mistake('outlier_detection: { consecutive_5xx: 3, max_ejection_percent: 40 }'),
    'of Envoy; write `ejection.consecutiveFailures: 3` and `ejection.maxShare: 40%`;',
  );
  t.match(
    mistake('health_checks: [{ unhealthy_threshold: 2, http_health_check: { path: /up } }]'),
    'of Envoy; write `healthCheck.unhealthyAfter: 2` and `healthCheck.path`;',
  );
  t.match(
    mistake('routes: [{ name: r, match: {}, lb_policy: RANDOM }]'),
    'write `balance.strategy: random` in `defaults`, a profile or an upstream;',
  );
  t.match(mistakes(`maxShare: 50%\n${upstream('')}`), [
    /did you mean `ejection\.maxShare` in `defaults`, a profile or an upstream\?/,
  ]);
  for (const [word, strategy] of [
    ['leastconn', 'least-request'],
    ['ROUND_ROBIN', 'round-robin'],
    ['maglev', 'hash'],
  ] as const) {
    t.match(mistake(`balance: { strategy: ${word} }`), `; did you mean "${strategy}"?`, word);
  }
  t.match(mistake('balance: { strategy: fastest }'), /but is "fastest"$/);
});

t.test('tells keys apart that two programs share', async (t) => {
  t.match(
    mistake('maxRequests: 9'),
    'of Dapr or Envoy; write `circuitBreaker.halfOpenMaxCalls: 9` or `bulkhead.maxConcurrent: 9`;',
  );
  t.match(mistake('maxRetryAttempts: 3'), 'of resilience4j; write `retry.maxAttempts: 3`;');
});

t.test('tells the option for a single value in place of a policy', async (t) => {
  for (const [keys, right] of [
    ['timeout: 5s', '{ total: 5s }'],
    ['retry: 3', '{ maxAttempts: 3 }'],
    ['bulkhead: 100', '{ maxConcurrent: 100 }'],
    ['circuitBreaker: 5', '{ failureThreshold: 5 }'],
    ['hedge: 200ms', '{ after: 200ms }'],
    ['rateLimit: 100/s', '{ rate: 100/s }'],
    ['balance: roundrobin', '{ strategy: round-robin }'],
    ['healthCheck: /up', '{ path: /up }'],
  ] as const) {
    t.match(mistake(keys), `did you mean ${right}?`, keys);
  }
  for (const keys of [
    'timeout: soon',
    'timeout: 0s',
    'retry: 0',
    'bulkhead: 1.5',
    'deadline: 5s',
  ]) {
    t.notMatch(mistake(keys), /did you mean \{/, keys);
  }
});

t.test('tells where an option belongs that stands at the wrong level', async (t) => {
  t.match(mistake('maxAttempts: 3'), 'did you mean `retry.maxAttempts`?');
  t.match(
    mistake('circuitBreaker: { window: 5s }'),
    'did you mean `circuitBreaker.failureRate.window`?',
  );
  t.match(mistakes(`limits: { maxQueue: 5 }\n${upstream('')}`), [
    /did you mean `bulkhead\.maxQueue` in `defaults`, a profile, an upstream or a route\?/,
  ]);
  t.match(mistake('retry: { MAXATTEMPTS: 3 }'), 'did you mean "maxAttempts"?', 'a slip is a slip');
  t.match(mistake('window: 5s'), /is an unknown key;$/, 'in too many places to name');
});
