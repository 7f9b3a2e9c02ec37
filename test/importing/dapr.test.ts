/** What becomes of Dapr's Resiliency resources. */
import t from 'tap';
import { importFiles } from '../../src/importing/index.js';
import { importText, readResult } from './support.js';

const resource = (policies: string, apps = '{ a: { timeout: x, retry: x, circuitBreaker: x } }') =>
  `apiVersion: dapr.io/v1alpha1
kind: Resiliency
metadata: { name: r }
spec:
  policies: ${policies}
  targets: { apps: ${apps} }
`;

t.test('an app becomes an upstream with an address to change', async (t) => {
  const { upstreams, comments } = importText(t, 'dapr', resource('{}', '{ shop: {}, pay_2: {} }'));
  t.match(upstreams, {
    shop: { listen: 8101, target: 'http://shop:80' },
    pay_2: { listen: 8102, target: 'http://pay_2:80' },
  });
  t.match(comments, /change it: the port that clients/);
  t.match(comments, /change it: the source has no address/);
});

t.test('a name that is no host has a stand-in that is one', async (t) => {
  // Each would be an IPv4 address.
  const apps = "{ '7': {}, orders.2: {} }";
  const { upstreams } = importText(t, 'dapr', resource('{}', apps));
  t.match(upstreams, {
    7: { target: 'http://upstream-7:80' },
    'orders.2': { target: 'http://upstream-orders-2:80' },
  });
});

t.test('what Dapr does not do is off', async (t) => {
  const { upstreams, file } = importText(t, 'dapr', resource('{}', '{ a: {} }'));
  t.match(upstreams['a'], {
    timeout: { attempt: 'off', total: 'off' },
    retry: 'off',
    circuitBreaker: 'off',
  });
  t.match(file['defaults'], { bulkhead: 'off' });
});

t.test(
  'a timeout is that of an attempt, and a number without a unit is milliseconds',
  async (t) => {
    for (const [written, attempt] of [
      ['5s', '5s'],
      ['1m30s', '90s'],
      ['"250ms"', '250ms'],
      ['5', '5ms'],
      ['0', 'off'],
      ['soon', 'off'],
    ] as const) {
      const { upstreams } = importText(t, 'dapr', resource(`{ timeouts: { x: ${written} } }`));
      t.match(upstreams['a'], { timeout: { attempt, total: 'off' } }, written);
    }
  },
);

t.test('maxRetries leaves out the first attempt', async (t) => {
  for (const [retries, maxAttempts] of [
    [3, 4],
    [0, 1],
  ]) {
    const { upstreams, comments } = importText(
      t,
      'dapr',
      resource(`{ retries: { x: { policy: constant, duration: 3s, maxRetries: ${retries} } } }`),
    );
    t.match(upstreams['a'], {
      retry: {
        maxAttempts,
        backoff: { strategy: 'constant', baseDelay: '3s', maxDelay: '3s', jitter: 'none' },
      },
    });
    t.match(comments, /maxRetries leaves out the first attempt/);
  }
});

t.test('retries without end get one', async (t) => {
  for (const policy of ['{}', '{ maxRetries: -1 }']) {
    const { upstreams, comments } = importText(
      t,
      'dapr',
      resource(`{ retries: { x: ${policy} } }`),
    );
    t.match(upstreams['a'], { retry: { maxAttempts: 5, backoff: { baseDelay: '5s' } } });
    t.match(comments, /repeats without end/);
  }
});

t.test('an exponential policy has the fixed values of Dapr', async (t) => {
  const { upstreams, comments } = importText(
    t,
    'dapr',
    resource(
      '{ retries: { x: { policy: exponential, duration: 2s, maxInterval: 15s, maxRetries: 2 } } }',
    ),
  );
  t.match(upstreams['a'], {
    retry: {
      backoff: {
        strategy: 'exponential',
        baseDelay: '500ms',
        multiplier: 1.5,
        maxDelay: '15s',
        jitter: 'half',
      },
    },
  });
  t.match(comments, /duration: 2s: has no effect in an exponential policy/);
});

t.test('the statuses that are matched are repeated', async (t) => {
  const { upstreams, comments } = importText(
    t,
    'dapr',
    resource(
      '{ retries: { x: { matching: { httpStatusCodes: "429,502-504", gRPCStatusCodes: "1,14" } } } }',
    ),
  );
  t.match(upstreams['a'], {
    retry: {
      statuses: [429, 502, 503, 504],
      grpc: 'idempotent',
      grpcStatuses: ['CANCELLED', 'UNAVAILABLE'],
    },
  });
  t.match(comments, /Of a range these are the statuses that servers really send/);
});

t.test('the expression of a circuit breaker becomes options', async (t) => {
  for (const [trip, expected] of [
    ['consecutiveFailures > 5', { failureThreshold: 6, failureRate: 'off' }],
    ['consecutiveFailures >= 5', { failureThreshold: 5, failureRate: 'off' }],
    ['consecutiveFailures == 3', { failureThreshold: 3, failureRate: 'off' }],
    [
      'requests >= 20 && totalFailures * 100 / requests >= 60',
      {
        failureThreshold: 'off',
        failureRate: { threshold: '60%', minimumCalls: 20, window: '1m' },
      },
    ],
    [
      '(double(totalFailures) / double(requests)) >= 0.5 || consecutiveFailures >= 4',
      { failureThreshold: 4, failureRate: { threshold: '50%', minimumCalls: 1 } },
    ],
    ['totalFailures > 3', { failureThreshold: 5 }],
    ['requests > 3 && consecutiveFailures > 3', { failureThreshold: 5 }],
    ['nonsense', { failureThreshold: 5 }],
  ] as const) {
    const { upstreams, comments } = importText(
      t,
      'dapr',
      resource(`{ circuitBreakers: { x: { trip: "${trip}" } } }`),
    );
    t.match(upstreams['a'], { circuitBreaker: expected }, trip);
    t.ok(comments.includes(trip.slice(0, 20)), `${trip} is shown`);
  }
});

t.test('the defaults of a circuit breaker are those of Dapr', async (t) => {
  const { upstreams } = importText(t, 'dapr', resource('{ circuitBreakers: { x: {} } }'));
  t.match(upstreams['a'], {
    circuitBreaker: {
      failureThreshold: 6,
      recoveryTimeout: '1m',
      halfOpenMaxCalls: 1,
      successThreshold: 1,
    },
  });
  const long = resource(
    '{ circuitBreakers: { x: { timeout: 10m, maxRequests: 3, interval: 5s } } }',
  );
  t.match(importText(t, 'dapr', long).upstreams['a'], {
    circuitBreaker: { recoveryTimeout: '10m', maxRecoveryTimeout: '10m', halfOpenMaxCalls: 3 },
  });
});

t.test('default policies hold for apps that are no target', async (t) => {
  const { file } = importText(
    t,
    'dapr',
    resource(
      '{ retries: { DefaultRetryPolicy: { maxRetries: 9 }, DefaultAppRetryPolicy: { maxRetries: 1 } } }',
      '{}',
    ),
  );
  t.match(file, { defaults: { retry: { maxAttempts: 2 } }, upstreams: { example: {} } });
  const builtIn = importText(t, 'dapr', resource('{}', '{}')).file;
  t.match(builtIn, { defaults: { retry: { maxAttempts: 4, backoff: { baseDelay: '1s' } } } });
});

t.test('components, actors, scopes and unused policies are told', async (t) => {
  const { comments } = importText(
    t,
    'dapr',
    `kind: Resiliency
scopes: [app1]
spec:
  policies: { timeouts: { lonely: 3s } }
  targets:
    apps: { a: { retry: missing, circuitBreakerCacheSize: 9 } }
    components: { store: { outbound: { timeout: lonely } } }
    actors: { actor: { circuitBreakerScope: both } }
`,
  );
  t.match(comments, /scopes: \[app1\]: in Dapr only the sidecars/);
  t.match(comments, /lonely: 3s: no app uses this policy/);
  t.match(comments, /retry: missing: there is no such policy/);
  t.match(comments, /circuitBreakerCacheSize: 9: Breakwater has one circuit/);
  t.match(comments, /components: { store: .* a component of Dapr/);
  t.match(comments, /actors: { actor: .* Breakwater knows no actors/);
});

t.test('several resources are one configuration, in one file or in several', async (t) => {
  const first = resource('{ timeouts: { x: 1s }, retries: { x: { maxRetries: 1 } } }');
  const second = resource('{ timeouts: { x: 2s } }', '{ b: { timeout: x } }');
  const endpoint = `kind: HTTPEndpoint
metadata: { name: b }
spec: { baseUrl: "https://b.example.com/v1", headers: [{ name: Authorization, value: Bearer 123 }] }
`;
  const other = 'kind: Component\n';
  const together = `${first}---\n${second}---\n${endpoint}---\n${other}`;
  const one = importText(t, 'dapr', together);
  t.match(one.upstreams, {
    a: { timeout: { attempt: '2s' }, retry: { maxAttempts: 2 } },
    b: { timeout: { attempt: '2s' }, target: 'https://b.example.com/v1' },
  });
  t.match(one.comments, /a policy of the same name/);
  t.match(
    one.comments,
    /source.yaml:\d+: a document is left out, because it has `kind: Component`/,
  );
  t.notMatch(one.text, /Bearer 123/, 'no secret is repeated');
  const files = [first, second, endpoint].map((text, i) => ({ name: `${i}.yaml`, text }));
  const { text, diagnostics } = importFiles('dapr', files, { hasFile: () => false });
  t.same(diagnostics, []);
  t.same(readResult(t, text!).upstreams, one.upstreams);
});
