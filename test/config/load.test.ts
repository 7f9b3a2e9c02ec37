/** A configuration file becomes a trusted Config, whatever it holds. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import t from 'tap';
import { formatAddress, type Config } from '../../src/config/config.js';
import { formatDiagnostics } from '../../src/config/syntax/diagnostics.js';
import { loadConfig, loadText } from '../../src/config/load.js';

function load(text: string, env: Record<string, string> = {}): Config {
  const { config, diagnostics } = loadText(text, 'f.yaml', env);
  if (config === undefined) throw new Error(formatDiagnostics(diagnostics));
  return config;
}

/** Enough for what reads no further than the first line. */
const CA = '-----BEGIN CERTIFICATE-----';

/** One upstream `a` with these keys. */
function loadUpstream(keys: string, rest = '', env: Record<string, string> = {}) {
  return load(`upstreams:\n  a: { listen: 1, target: "http://a", ${keys} }\n${rest}`, env)
    .upstreams[0]!;
}

const builtIn = {
  fallback: 'off',
  idempotency: 'off',
  hedge: 'off',
  fault: 'off',
  rateLimit: 'off',
  deadline: { header: 'X-Deadline', buffer: 50, propagate: true },
  bulkhead: {
    mode: 'enforce',
    maxConcurrent: 100,
    maxQueue: 50,
    queueTimeout: 1000,
    maxStreams: 'off',
    perKey: 'off',
    adaptive: 'off',
  },
  retry: {
    maxAttempts: 3,
    methods: ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE'],
    statuses: [408, 429, 500, 502, 503, 504],
    grpc: 'unsent',
    grpcStatuses: ['UNAVAILABLE'],
    backoff: {
      strategy: 'exponential',
      baseDelay: 100,
      maxDelay: 2000,
      multiplier: 2,
      jitter: 'full',
    },
    respectRetryAfter: true,
    maxRetryAfter: 10_000,
    hints: false,
    budget: { ratio: 0.2, minPerSecond: 3, window: 10_000 },
    bodyLimit: 65_536,
  },
  circuitBreaker: {
    shared: false,
    failureThreshold: 5,
    failureRate: { threshold: 0.5, window: 10_000, minimumCalls: 20 },
    slowCall: 'off',
    recoveryTimeout: 30_000,
    recoveryMultiplier: 1,
    maxRecoveryTimeout: 300_000,
    halfOpenMaxCalls: 3,
    successThreshold: 3,
    failureStatuses: [500, 502, 503, 504],
    failureGrpcStatuses: ['UNKNOWN', 'DEADLINE_EXCEEDED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS'],
    minimumTimeout: 100,
    mode: 'enforce',
    scope: 'upstream',
  },
  timeout: {
    connect: 2000,
    write: 15_000,
    attempt: 10_000,
    attemptGrowth: 'off',
    adaptive: 'off',
    idle: 30_000,
    total: 35_000,
    stream: 300_000,
  },
};

void t.test('fills in every default, decoded', (t) => {
  const { document, hash, ...config } = load(
    'upstreams: { a: { listen: 8101, target: "http://a" } }',
  );
  t.strictSame(config, {
    file: 'f.yaml',
    admin: {
      listen: { kind: 'tcp', host: '127.0.0.1', port: 9900 },
      metrics: undefined,
      token: undefined,
    },
    server: { listen: { kind: 'tcp', host: '127.0.0.1', port: 8080 } },
    log: { level: 'info', access: 'errors', sample: { ok: 1 } },
    shutdown: { delay: 0, grace: 25_000 },
    limits: {
      headerTimeout: 10_000,
      bodyIdle: 30_000,
      keepAlive: 75_000,
      maxHeaderSize: 32_768,
      maxRequestBody: 'off',
      maxConnections: 'off',
    },
    overload: 'off',
    stores: { kind: 'memory', maxBytes: 67_108_864, maxRecordBytes: 16_777_216 },
    tracing: undefined,
    tracingOffBecause: [],
    upstreams: [
      {
        name: 'a',
        listen: { kind: 'tcp', host: '127.0.0.1', port: 8101 },
        prefix: undefined,
        targets: [
          {
            target: {
              protocol: 'http:',
              host: 'a',
              port: 80,
              socketPath: undefined,
              basePath: '',
              href: 'http://a',
            },
            weight: 1,
          },
        ],
        preserveHost: false,
        protocol: 'http1',
        earlyHints: true,
        tls: undefined,
        resolve: { addresses: 'all', refresh: 5000, maxAge: 300_000 },
        balance: { strategy: 'least-request' },
        ejection: { consecutiveFailures: 5, baseTime: 10_000, maxTime: 300_000, maxShare: 0.5 },
        healthCheck: 'off',
        slowStart: 0,
        policies: builtIn,
        routes: [],
      },
    ],
    tlsFiles: [],
  });
  t.ok(document);
  t.ok(hash);
  t.end();
});

void t.test('freezes all of it', (t) => {
  const config = load('upstreams: { a: { listen: 1, target: "http://a", routes: [] } }');
  const thaw = (value: unknown, path: string): void => {
    if (typeof value !== 'object' || value === null) return;
    t.ok(Object.isFrozen(value), path);
    for (const [key, part] of Object.entries(value)) thaw(part, `${path}.${key}`);
  };
  thaw(config, 'config');
  t.equal(config.document, config.document, 'it is made once');
  t.end();
});

void t.test('reads addresses', (t) => {
  const written = {
    '8101': '127.0.0.1:8101',
    '"8101"': '127.0.0.1:8101',
    '0.0.0.0:0': '0.0.0.0:0',
    'LocalHost:1': 'localhost:1',
    '"[::1]:80"': '[::1]:80',
    'unix:/run/a.sock': 'unix:/run/a.sock',
  };
  for (const [text, expected] of Object.entries(written)) {
    const { upstreams } = load(`upstreams:\n  a:\n    target: http://a\n    listen: ${text}\n`);
    t.equal(formatAddress(upstreams[0]!.listen!), expected, text);
  }
  t.end();
});

const readTarget = (href: string) => {
  const { host, port, protocol, socketPath, basePath } = load(
    `upstreams: { a: { listen: 1, target: "${href}" } }`,
  ).upstreams[0]!.targets[0]!.target;
  return [protocol, host, port, socketPath, basePath];
};

void t.test('reads targets', (t) => {
  t.strictSame(readTarget('https://Example.COM/'), ['https:', 'example.com', 443, undefined, '']);
  t.strictSame(readTarget('http://a:81/v1/x/'), ['http:', 'a', 81, undefined, '/v1/x']);
  t.strictSame(readTarget('http://[::1]:8080'), ['http:', '::1', 8080, undefined, '']);
  t.strictSame(readTarget('http+unix://%2Frun%2Fa.sock/v1'), [
    'http:',
    'localhost',
    80,
    '/run/a.sock',
    '/v1',
  ]);
  t.end();
});

void t.test('lays route over upstream over profile over defaults', (t) => {
  const { policies, routes } = loadUpstream(
    'profile: p, timeout: { idle: 3s }, routes: [{ name: r, match: { methods: [GET], path: "/x" }, timeout: { stream: 4s } }]',
    'defaults: { timeout: { connect: 1s, attempt: 1s, idle: 1s, stream: 1s } }\nprofiles: { p: { timeout: { attempt: 2s, idle: 2s, stream: 2s } } }\n',
  );
  const { timeout } = builtIn;
  const expected = { ...timeout, connect: 1000, attempt: 2000, idle: 3000, stream: 2000 };
  t.strictSame(policies, { ...builtIn, timeout: expected });
  t.strictSame(routes, [
    {
      name: 'r',
      match: { methods: ['GET'], path: '/x' },
      policies: { ...builtIn, timeout: { ...expected, stream: 4000 } },
      writes: new Set(['timeout', 'timeout.stream']),
    },
  ]);
  t.end();
});

void t.test('replaces lists as a whole', (t) => {
  const { policies } = loadUpstream(
    'retry: { statuses: [503] }',
    'defaults: { retry: { statuses: [500, 502] } }\n',
  );
  t.strictSame(policies.retry, { ...builtIn.retry, statuses: [503] });
  t.end();
});

void t.test('switches off policies, parts of them and single values, by either word', (t) => {
  const { policies } = loadUpstream(
    'retry: off, bulkhead: false, timeout: { total: off, idle: false }, circuitBreaker: { failureRate: off, failureThreshold: false }',
  );
  t.strictSame(policies, {
    ...builtIn,
    retry: 'off',
    bulkhead: 'off',
    timeout: { ...builtIn.timeout, total: 'off', idle: 'off' },
    circuitBreaker: { ...builtIn.circuitBreaker, failureRate: 'off', failureThreshold: 'off' },
  });
  t.equal(
    load('log: { access: false }\nupstreams: { a: { listen: 1, target: "http://a" } }').log.access,
    'off',
  );
  t.end();
});

void t.test('switches on again what is written over `off`, with the built-in rest', (t) => {
  const { policies, routes } = loadUpstream(
    'bulkhead: { maxConcurrent: 7 }, retry: { budget: { ratio: 50% } }, circuitBreaker: { slowCall: { duration: 1s } }, routes: [{ name: r, match: {}, timeout: {} }]',
    'defaults: { bulkhead: off, timeout: off, retry: { budget: off, maxAttempts: 9 } }\n',
  );
  t.strictSame(policies, {
    ...builtIn,
    timeout: 'off',
    bulkhead: { ...builtIn.bulkhead, maxConcurrent: 7 },
    retry: { ...builtIn.retry, maxAttempts: 9, budget: { ...builtIn.retry.budget, ratio: 0.5 } },
    circuitBreaker: { ...builtIn.circuitBreaker, slowCall: { duration: 1000, threshold: 0.8 } },
  });
  t.strictSame(routes[0]!.policies.timeout, builtIn.timeout);
  t.strictSame(routes[0]!.writes, new Set(['timeout']));
  t.end();
});

void t.test('switches parts that are off by default on with their own defaults', (t) => {
  const { policies } = loadUpstream('timeout: { attemptGrowth: 50%, adaptive: { min: 5ms } }');
  const adaptive = {
    mode: 'enforce',
    percentile: 99,
    multiplier: 1.5,
    min: 5,
    max: 30_000,
    window: 100,
    minSamples: 10,
  };
  t.strictSame(policies.timeout, { ...builtIn.timeout, attemptGrowth: 0.5, adaptive });
  t.end();
});

void t.test('takes aliases and merge keys', (t) => {
  const { upstreams } = load(
    'upstreams:\n  a: &a\n    listen: 1\n    target: http://a\n    timeout: &t { total: 1s, idle: 1s }\n  b: { listen: 2, <<: *a, retry: off, timeout: { <<: [*t, { connect: 3s, idle: 9s }], total: 2s } }\n',
  );
  const { listen, retry, timeout } = { ...upstreams[1]!, ...upstreams[1]!.policies };
  t.equal(formatAddress(listen!), '127.0.0.1:2');
  t.equal(retry, 'off');
  t.strictSame(timeout, { ...builtIn.timeout, total: 2000, idle: 1000, connect: 3000 });
  t.end();
});

void t.test('replaces ${NAME} with what the place asks for', (t) => {
  const env = { N: '7', HOST: 'h', EMPTY: '', TOKEN: '0123', OFF: 'off', B: 'true' };
  const { admin, upstreams } = load(
    [
      'admin: { token: "${TOKEN}" }',
      'upstreams:',
      '  a:',
      '    listen: ${NOPE:-8101}',
      '    target: http://${HOST}:${EMPTY:-81}/$${x}',
      '    preserveHost: "${B}"',
      '    timeout: ${OFF}',
      '    bulkhead:',
      '      maxConcurrent: ${N}',
      '      maxQueue: "${N}"',
      '    retry: { bodyLimit: "${N}KiB" }',
    ].join('\n'),
    env,
  );
  const { listen, targets, policies, preserveHost } = upstreams[0]!;
  t.equal(admin.token, '0123');
  t.equal(formatAddress(listen!), '127.0.0.1:8101');
  t.equal(targets[0]!.target.href, 'http://h:81/${x}');
  t.equal(preserveHost, true);
  t.equal(policies.timeout, 'off');
  t.strictSame(policies.bulkhead, {
    mode: 'enforce',
    maxConcurrent: 7,
    maxQueue: 7,
    queueTimeout: 1000,
    maxStreams: 'off',
    perKey: 'off',
    adaptive: 'off',
  });
  t.match(policies.retry, { bodyLimit: 7168 });
  t.equal(
    load('admin: { listen: 1 }\nupstreams: { a: { listen: 2, target: "http://a" } }').admin.token,
    undefined,
  );
  const plain = 'admin:\n  token: ${TOKEN}\nupstreams: { a: { listen: 2, target: "http://a" } }';
  t.equal(load(plain, env).admin.token, '0123');
  t.end();
});

t.test('a hash names the content of the file and of all files that it names', async (t) => {
  const folder = t.testdir({
    'page.html': 'one',
    'ca.pem': CA,
    'f.yaml':
      'upstreams: { a: { listen: 1, target: "https://a", tls: { ca: ca.pem }, fallback: [{ static: { bodyFile: page.html } }] } }',
  });
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  const hash = (env: Record<string, string> = {}, file = 'f.yaml') =>
    loadConfig(join(folder, file), env).config?.hash;
  const first = hash();
  t.match(first, /^[0-9a-f]{12}$/);
  t.equal(hash(), first);
  write('page.html', 'two');
  t.not(hash(), first, 'the file of a policy counts');
  write('page.html', 'one');
  t.equal(hash(), first, 'the same content has the same hash');
  write('ca.pem', `${CA}\n`);
  t.not(hash(), first, 'a TLS file counts');
  write('ca.pem', CA);
  const text = readFileSync(join(folder, 'f.yaml'), 'utf8');
  write('g.yaml', text);
  t.equal(hash({}, 'g.yaml'), first, 'the name of the file does not count');
  write('f.yaml', `${text}# comment`);
  t.not(hash(), first, 'each byte of the file counts');
});

void t.test('reads the files of TLS from beside its own', (t) => {
  const folder = t.testdir({ tls: { 'ca.pem': CA } });
  const file = join(folder, 'f.yaml');
  writeFileSync(
    file,
    'upstreams: { a: { listen: 1, target: "https://a", tls: { ca: tls/ca.pem, serverName: b } } }',
  );
  t.strictSame(loadConfig(file, {}).config?.upstreams[0]!.tls, {
    ca: CA,
    serverName: 'b',
    insecureSkipVerify: false,
  });
  writeFileSync(join(folder, 'tls/bad.pem'), 'no PEM');
  writeFileSync(
    file,
    'upstreams: { a: { listen: 1, target: "https://a", tls: { cert: tls/bad.pem, key: tls/bad.pem } } }',
  );
  t.match(loadConfig(file, {}).diagnostics, [
    { path: 'upstreams.a.tls', column: 56, message: /^these files cannot be used: / },
  ]);
  writeFileSync(
    file,
    'upstreams: { a: { listen: 1, target: "https://a", tls: { ca: tls/bad.pem } } }',
  );
  t.match(loadConfig(file, {}).diagnostics, [
    {
      path: 'upstreams.a.tls.ca',
      column: 62,
      message: /^there is no certificate in "tls\/bad.pem"/,
    },
  ]);
  t.end();
});

void t.test('shows the effective configuration without secrets', (t) => {
  const { document } = load(
    'admin: { token: secret }\nupstreams: { a: { listen: 1, target: "http://a", retry: off, routes: [{ name: r, match: { path: /x }, timeout: { total: 1s } }] } }',
  ) as unknown as { document: { admin: object; upstreams: { a: Record<string, unknown> } } };
  t.strictSame(document.admin, { listen: '127.0.0.1:9900', token: '***' });
  t.match(document.upstreams.a, {
    listen: 1,
    target: 'http://a',
    preserveHost: false,
    earlyHints: 'on',
    retry: 'off',
    timeout: { total: '35s' },
    routes: [{ name: 'r', match: { path: '/x' }, retry: 'off', timeout: { total: '1s' } }],
  });
  t.notMatch(JSON.stringify(document), 'secret');
  t.end();
});

void t.test('tells in one line why a file cannot be read', (t) => {
  const folder = t.testdir({ binary: Buffer.from([0xff, 0xfe, 0x00]) });
  mkdirSync(join(folder, 'd'));
  const told = (name: string) =>
    formatDiagnostics(loadConfig(join(folder, name), {}).diagnostics).replace(folder, '');
  t.equal(told('no'), '/no:1:1: error: cannot read the file: there is no such file\n');
  t.equal(told('d'), '/d:1:1: error: cannot read the file: this is a directory, not a file\n');
  t.equal(told('binary'), '/binary:1:1: error: cannot read the file: it is not UTF-8 text\n');
  t.end();
});

void t.test('passes over a byte order mark', (t) => {
  const { diagnostics } = loadText('\uFEFFlgo: 1', 'f.yaml', {});
  t.match(diagnostics.at(-1), { path: 'lgo', line: 1, column: 1 });
  t.end();
});

const key = fc.constantFrom(
  'admin',
  'upstreams',
  'profiles',
  'defaults',
  'a',
  'listen',
  'target',
  'tls',
  'timeout',
  'retry',
  'budget',
  'routes',
  'match',
  'path',
  '<<',
  '__proto__',
  'constructor',
  'toString',
  'a b',
);
const scalar = fc.oneof(
  fc.constantFrom(
    '',
    '~',
    'off',
    'false',
    '10',
    '10s',
    '-1',
    '.nan',
    '&a x',
    '*a',
    '${A}',
    '${A:-1}',
  ),
  fc.constantFrom('"http://a"', '/x', '8080', 'unix:/x', '!!binary a', '%', '[*a]', '{<<: *a}'),
  fc.string(),
);
const { document } = fc.letrec<{ document: string; value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 6 },
    scalar,
    tie('document').map((text) => `\n${text.replaceAll(/^/gm, '  ')}`),
    fc.array(tie('value')).map((items) => `[${items.join(', ')}]`),
  ),
  document: fc
    .array(fc.tuple(key, tie('value')))
    .map((pairs) => pairs.map(([name, value]) => `${name}: ${value}`).join('\n')),
}));

const holds = (text: string) => {
  const { config, diagnostics } = loadText(text, 'f.yaml', { A: 'x' });
  const errors = diagnostics.filter(({ level }) => level === 'error');
  return (config === undefined) === errors.length > 0;
};

// What fast-check calls `binary`, without the map of all characters that it draws up for it: that takes a second.
const anyCharacter = fc
  .integer({ min: 0, max: 0x10ffff })
  .filter((code) => code < 0xd800 || code > 0xdfff)
  .map((code) => String.fromCodePoint(code));

void t.test('never throws, and has either a config or an error', (t) => {
  fc.assert(fc.property(fc.string({ unit: anyCharacter }), holds), { numRuns: 120 });
  fc.assert(fc.property(document, holds), { numRuns: 120 });
  // Real text with a piece cut out: mostly well-formed, mostly wrong.
  const tutorial = readFileSync(
    new URL('../../../config/breakwater.yaml', import.meta.url),
    'utf8',
  );
  const cut = fc.tuple(fc.nat(tutorial.length), fc.nat(40), fc.string({ maxLength: 3 }));
  fc.assert(
    fc.property(cut, ([at, length, put]) =>
      holds(tutorial.slice(0, at) + put + tutorial.slice(at + length)),
    ),
    { numRuns: 120 },
  );
  t.end();
});

void t.test('earlyHints is on unless it is switched off, in any spelling', (t) => {
  for (const [text, isOn] of [
    ['', true],
    [', earlyHints: on', true],
    [', earlyHints: true', true],
    [', earlyHints: off', false],
    [', earlyHints: false', false],
  ] as const) {
    const { upstreams } = load(`upstreams: { a: { listen: 1, target: "http://a"${text} } }`);
    t.equal(upstreams[0]!.earlyHints, isOn, text);
  }
  t.end();
});
