/** The keys that say how an upstream is reached: laid over each other like policies, but not per route. */
import t from 'tap';
import { loadText } from '../../src/config/load.js';
import { formatDiagnostic, formatDiagnostics } from '../../src/config/syntax/diagnostics.js';

const target = 'target: "http://a"';

function load(text: string) {
  const { config, diagnostics } = loadText(text, 'f.yaml', {});
  if (config === undefined) throw new Error(formatDiagnostics(diagnostics));
  return config;
}

const mistakes = (text: string) =>
  loadText(text, 'f.yaml', {}).diagnostics.map((diagnostic) =>
    formatDiagnostic(diagnostic).replace('f.yaml:', ''),
  );

/** These keys stand from line 2, column 42 on. */
const upstream = (keys: string, rest = '') =>
  `upstreams:\n  a: { listen: 8101, ${target}, ${keys} }\n${rest}`;

/** What holds for an upstream with a hash in defaults. */
const balanceOf = (inherited: string, own: string) =>
  load(`defaults: { balance: { strategy: hash, key: ${inherited} } }\n${upstream(own)}`)
    .upstreams[0]!.balance;

/** What holds for an upstream with a check every 2 s in defaults. */
const checkOf = (inherited: string, own: string) =>
  load(
    `defaults: { healthCheck: { ${inherited}, interval: 2s } }\n${upstream(`healthCheck: ${own}`)}`,
  ).upstreams[0]!.healthCheck;

t.test('defaults, a profile and the upstream itself are laid over each other', async (t) => {
  const { upstreams, document } = load(`defaults: { resolve: { maxAge: 1m } }
profiles: { calm: { resolve: { maxAge: off } }, plain: { retry: off } }
upstreams:
  inherits: { listen: 1, ${target} }
  profiled: { listen: 2, ${target}, profile: calm }
  plain: { listen: 3, ${target}, profile: plain }
  own: { listen: 4, ${target}, profile: calm, resolve: { maxAge: 2s } }
`);
  t.same(
    upstreams.map(({ resolve }) => resolve.maxAge),
    [60_000, 'off', 60_000, 2000],
  );
  const { own } = (document as { upstreams: Record<string, { resolve: object }> }).upstreams;
  const resolve = { addresses: 'all', refresh: '5s', maxAge: '2s' };
  t.same(own!.resolve, resolve, 'as the file would have it');
});

t.test('the defaults are those of the documentation', async (t) => {
  const { resolve, balance, ejection, healthCheck, slowStart } = load(
    upstream('healthCheck: { path: /healthz }'),
  ).upstreams[0]!;
  t.strictSame(resolve, { addresses: 'all', refresh: 5000, maxAge: 300_000 });
  t.strictSame(balance, { strategy: 'least-request' });
  t.strictSame(ejection, {
    consecutiveFailures: 5,
    baseTime: 10_000,
    maxTime: 300_000,
    maxShare: 0.5,
  });
  t.strictSame(healthCheck, {
    interval: 5000,
    timeout: 1000,
    unhealthyAfter: 3,
    healthyAfter: 2,
    statuses: [200, 204],
    path: '/healthz',
  });
  t.equal(slowStart, 0);
});

t.test('slowStart is a time, or off, which is the same as none', async (t) => {
  for (const [written, ms] of [
    ['off', 0],
    ['0s', 0],
    ['30s', 30_000],
  ] as const) {
    t.equal(load(upstream(`slowStart: ${written}`)).upstreams[0]!.slowStart, ms, written);
  }
});

t.test('a key of a later layer replaces the one of an earlier layer as a whole', async (t) => {
  const header = '{ header: X-User-Id }';
  t.strictSame(balanceOf(header, 'retry: off'), { strategy: 'hash', key: { header: 'X-User-Id' } });
  t.strictSame(balanceOf(header, 'balance: { key: { cookie: sid } }'), {
    strategy: 'hash',
    key: { cookie: 'sid' },
  });
  t.strictSame(balanceOf(header, 'balance: { key: path }').key, 'path');
  t.strictSame(balanceOf('path', `balance: { key: ${header} }`).key, { header: 'X-User-Id' });
});

t.test(
  'a check for another protocol replaces the inherited one, and keeps its times',
  async (t) => {
    t.match(checkOf('path: /healthz', '{ grpc: "" }'), {
      grpc: '',
      path: undefined,
      interval: 2000,
    });
    t.match(checkOf('grpc: pay', '{ path: "/up?full=1" }'), {
      path: '/up?full=1',
      grpc: undefined,
      interval: 2000,
    });
    t.equal(checkOf('path: /healthz', 'off'), 'off');
  },
);

t.test('tells each mistake where it is', async (t) => {
  const needsKey =
    '`hash` needs `balance.key`, which says what of a request it goes by; write key: { header: X-User-Id }, key: { cookie: NAME } or key: path beside it';
  const needsCheck =
    'needs `path` (requested with GET, such as path: /healthz) or `grpc` (the service that grpc.health.v1 is asked for; grpc: "" is the server as a whole)';
  const cases: readonly (readonly [string, string, readonly string[]])[] = [
    [
      'an unknown strategy',
      upstream('balance: { strategy: raund-robin }'),
      [
        '2:63: error: upstreams.a.balance.strategy: must be least-request, round-robin, random or hash, but is "raund-robin"; did you mean "round-robin"?',
      ],
    ],
    [
      'a hash without a key',
      upstream('balance: { strategy: hash }'),
      [`2:63: error: upstreams.a.balance.strategy: ${needsKey}`],
    ],
    [
      'a hash in defaults, for an upstream without a key',
      `defaults: { balance: { strategy: hash } }\nupstreams:\n  a: { listen: 1, ${target} }\n  b: { listen: 2, ${target}, balance: { key: path } }\n`,
      [`1:34: error: defaults.balance.strategy: ${needsKey}`],
    ],
    [
      'a key that is misspelt',
      upstream('balance: { strategy: hash, keys: path }'),
      [
        '2:69: error: upstreams.a.balance.keys: is an unknown key; did you mean "key"? allowed are strategy and key',
      ],
    ],
    [
      'a key of two, and of none',
      upstream(
        'balance: { strategy: hash, key: { header: a, cookie: b } }',
        `  b: { listen: 2, ${target}, balance: { strategy: hash, key: {} } }\n`,
      ),
      [
        '2:74: error: upstreams.a.balance.key: must have exactly one of `header` and `cookie`',
        '3:71: error: upstreams.b.balance.key: must have exactly one of `header` and `cookie`',
      ],
    ],
    [
      'names that no request can have',
      upstream(
        'balance: { strategy: hash, key: { header: "X User" } }',
        `  b: { listen: 2, ${target}, balance: { strategy: hash, key: { cookie: "a=b" } } }\n`,
      ),
      [
        '2:84: error: upstreams.a.balance.key.header: must be the name of a header, but is "X User"',
        '3:81: error: upstreams.b.balance.key.cookie: must be the name of a cookie, but is "a=b"',
      ],
    ],
    [
      'a health check of nothing',
      upstream('healthCheck: { interval: 2s }'),
      [`2:55: error: upstreams.a.healthCheck: ${needsCheck}`],
    ],
    [
      'a health check that is just on',
      upstream('healthCheck: on'),
      [`2:55: error: upstreams.a.healthCheck: ${needsCheck}`],
    ],
    [
      'a health check over an inherited one that is off',
      `defaults: { healthCheck: { path: /up } }\nprofiles: { p: { healthCheck: off } }\n${upstream('profile: p, healthCheck: { timeout: 2s }')}`,
      [`4:67: error: upstreams.a.healthCheck: ${needsCheck}`],
    ],
    [
      'a health check of two protocols',
      `defaults: { healthCheck: { grpc: "", path: /up } }\n${upstream('retry: off')}`,
      [
        '1:28: error: defaults.healthCheck.grpc: cannot stand beside `path`; keep `path` for HTTP, or `grpc` for grpc.health.v1',
      ],
    ],
    ...(['up', '/a b', '/a#b', '"/a\\r\\nX: y"'] as const).map(
      (path) =>
        [
          `the path ${path}`,
          upstream(`healthCheck: { path: ${path} }`),
          [
            `2:63: error: upstreams.a.healthCheck.path: must be a path such as /healthz, percent-encoded and without #, but is ${path.startsWith('"') ? path : JSON.stringify(path)}`,
          ],
        ] as const,
    ),
    [
      'times of nothing',
      upstream('ejection: { baseTime: 0s }'),
      [
        '2:64: error: upstreams.a.ejection.baseTime: must be a duration such as 250ms, 1.5s, 2m or 1h, but is "0s"; it must be above 0',
      ],
    ],
  ];
  for (const [name, text, expected] of cases) t.strictSame(mistakes(text), expected, name);
});

t.test('an upstream may complete what it inherits', async (t) => {
  const text = `defaults: { balance: { strategy: hash }, healthCheck: { interval: 2s } }\n${upstream('balance: { key: path }, healthCheck: { path: /up }')}`;
  t.strictSame(mistakes(text), []);
});

t.test('a route has none, and is told where they belong', async (t) => {
  for (const key of ['resolve', 'balance', 'ejection', 'healthCheck', 'slowStart']) {
    const route = `routes: [{ name: r, match: {}, ${key}: off }]`;
    t.match(
      mistakes(upstream(route)),
      [/routes\[0\]\.\w+: is an unknown key; it belongs in `defaults`, a profile or an upstream;/],
      key,
    );
  }
});
