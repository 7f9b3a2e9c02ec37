/** The lint: every rule fires where the value stands, leaves the nearest innocent value alone, and can be silenced. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { check, type CheckOptions } from '../../src/cli/check.js';
import { checkText } from '../../src/config/check.js';
import { formatDiagnostic } from '../../src/config/syntax/diagnostics.js';
import { lintRules } from '../../src/config/lint/lint.js';
import { loadText } from '../../src/config/load.js';

/** Warnings and infos as `LINE:COLUMN RULE PATH`; messages apart. */
function lint(text: string) {
  const { config, diagnostics } = checkText(text, 'f.yaml', {});
  if (config === undefined) throw new Error(diagnostics.map(formatDiagnostic).join('\n'));
  // As long as most files here have no fallback, this one says nothing of them.
  const found = diagnostics.filter(({ rule }) => rule !== 'no-fallback');
  return {
    places: found.map(({ line, column, rule, path }) => `${line}:${column} ${rule} ${path}`),
    messages: found.map(({ message }) => message),
    levels: found.map(({ level }) => level),
  };
}

/** One upstream `a`, these keys from line 4, column 5 on. */
const upstream = (keys: string) =>
  `upstreams:\n  a:\n    { listen: 1, target: "http://a" ,\n    ${keys} }\n`;

interface Case {
  readonly rule: string;
  readonly bad: string;
  /** `LINE:COLUMN PATH` */
  readonly at: string;
  readonly says: readonly string[];
  /** The nearest values that are all right. */
  readonly good: readonly string[];
}

const two = (a: string, b: string) =>
  `upstreams:\n  a: { listen: 1, target: ${a} }\n  b: { listen: 2, target: ${b} }\n`;

/** One upstream `a` of these targets, these keys from line 4, column 5 on. */
const spread = (targets: string, keys: string) =>
  `upstreams:\n  a:\n    { listen: 1, targets: [${targets}] ,\n    ${keys} }\n`;

const chain = (retries: string) =>
  `upstreams:\n  a: { listen: 1, target: "http://a",\n    fallback: [{ static: { status: 200 } }, { upstream: b }] }\n  b: { listen: 2, target: "http://b", ${retries} }\n`;

const admin = (keys: string) => `admin: { ${keys} }\n${upstream('retry: off')}`;

const overload = (keys: string) => `overload: { ${keys} }\n${upstream('retry: off')}`;

const routed = (...routes: string[]) =>
  `upstreams:\n  a:\n    listen: 1\n    target: http://a\n    routes:\n${routes.map((match, i) => `      - { name: r${i}, match: { ${match} } }\n`).join('')}`;

const healthChecked = (keys: string) => upstream(`healthCheck: { path: /up, ${keys} }`);

const cases: readonly Case[] = [
  {
    rule: 'grpc-fallback',
    bad: upstream(
      'healthCheck: { grpc: "" }, fallback: [{ upstream: b }, { static: { status: 200 } }] }\n  b: { listen: 2, retry: off, target: "http://b"',
    ),
    at: '4:60 upstreams.a.fallback[1]',
    says: ['no gRPC call gets a response from static', 'write fallback: [{ upstream: ... }]'],
    good: [
      upstream(
        'healthCheck: { grpc: "" }, fallback: [{ upstream: b }] }\n  b: { listen: 2, retry: off, target: "http://b"',
      ),
      upstream('fallback: [{ static: { status: 200 } }]'),
      `defaults: { retry: { grpc: idempotent } }\n${upstream('fallback: [{ static: { status: 200 } }]')}`,
    ],
  },
  {
    rule: 'grpc-idempotency',
    bad: upstream(
      'retry: { grpc: idempotent }, idempotency: { methods: [POST], lockTimeout: 60s }',
    ),
    at: '4:58 upstreams.a.idempotency.methods',
    says: ['has no effect on gRPC calls', 'set retry.grpc to idempotent'],
    good: [
      upstream('retry: { grpc: idempotent }, idempotency: { methods: [PATCH], lockTimeout: 60s }'),
      upstream('idempotency: { methods: [POST], lockTimeout: 60s }'),
    ],
  },
  {
    rule: 'lone-endpoint',
    bad: spread('"http://10.0.0.1"', 'ejection: { baseTime: 20s }'),
    at: '4:15 upstreams.a.ejection',
    says: ['the target is one address, 10.0.0.1', 'never taken out', 'remove ejection'],
    good: [
      spread('"http://10.0.0.1", "http://10.0.0.2"', 'ejection: { baseTime: 20s }'),
      upstream('ejection: { baseTime: 20s }'),
      spread('"http://10.0.0.1"', 'ejection: off, slowStart: off'),
      `defaults: { ejection: { baseTime: 20s } }\n${spread('"http://10.0.0.1"', 'retry: off')}`,
    ],
  },
  {
    rule: 'lone-endpoint',
    bad: upstream('slowStart: 20s, resolve: { addresses: first }'),
    at: '4:16 upstreams.a.slowStart',
    says: ['resolve.addresses is first', 'set resolve.addresses to all'],
    good: [
      spread('"http://a", "http://b"', 'slowStart: 20s, resolve: { addresses: first }'),
      upstream('slowStart: 20s'),
    ],
  },
  {
    rule: 'lone-endpoint',
    bad: spread('"http+unix://%2Fa.sock"', 'ejection: on'),
    at: '4:15 upstreams.a.ejection',
    says: ['the target is one address, /a.sock'],
    good: [spread('"http+unix://%2Fa.sock", "http+unix://%2Fb.sock"', 'ejection: on')],
  },
  {
    rule: 'lone-endpoint',
    bad: spread('"http://[::1]:81"', 'hedge: on'),
    at: '4:12 upstreams.a.hedge',
    says: ['the target is one address, ::1', 'a hedge goes to another endpoint'],
    good: [upstream('hedge: on')],
  },
  {
    rule: 'hedge-after-attempt',
    bad: upstream('hedge: { after: 10s }'),
    at: '4:21 upstreams.a.hedge.after',
    says: ['ended after 10s (timeout.attempt)', 'hedge.after to 1s or so'],
    good: [
      upstream('hedge: { after: 9s }'),
      upstream('hedge: { after: 10s }, timeout: { attempt: off }'),
    ],
  },
  {
    rule: 'idle-fault',
    bad: upstream('fault: { abort: { share: 0% } }'),
    at: '4:30 upstreams.a.fault.abort.share',
    says: ['no attempt gets this fault', 'abort.share to 1% or more, or abort to off'],
    good: [upstream('fault: off')],
  },
  {
    rule: 'idle-fault',
    bad: upstream('fault: { first: 3, reset: off }'),
    at: '4:5 upstreams.a.fault',
    says: ['this fault does nothing', 'such as abort: { share: 10% }'],
    good: [upstream('fault: off')],
  },
  {
    rule: 'injected-fault',
    bad: upstream('fault: { abort: { share: 1% } }'),
    at: '4:5 upstreams.a.fault',
    says: ['nothing ends that', 'PUT /faults/NAME'],
    good: [upstream('fault: off'), upstream('fault: false')],
  },
  {
    rule: 'slow-health-check',
    bad: healthChecked('interval: 11s'),
    at: '4:41 upstreams.a.healthCheck.interval',
    says: [
      'unhealthy only after 33s (3 checks, one every 11s)',
      'its first ejection ends after 10s',
      'interval to 3.3s or less',
      'baseTime to 33s',
    ],
    good: [
      healthChecked('interval: 9s'),
      healthChecked('interval: 11s }, ejection: { baseTime: 15s'),
      healthChecked('interval: 11s }, ejection: off, retry: { maxAttempts: 3'),
      healthChecked('interval: 11s }, resolve: { addresses: first'),
    ],
  },
  {
    rule: 'slow-health-check',
    bad: upstream('healthCheck: { path: /up }, ejection: { baseTime: 5s }'),
    at: '4:55 upstreams.a.ejection.baseTime',
    says: ['unhealthy only after 15s', 'ends after 5s'],
    good: [upstream('healthCheck: { path: /up }, ejection: { baseTime: 6s }')],
  },
  {
    rule: 'check-outlasts-interval',
    bad: healthChecked('timeout: 5s'),
    at: '4:40 upstreams.a.healthCheck.timeout',
    says: ['may take 5s', 'set healthCheck.timeout to 2.5s or so', 'less than 5s'],
    good: [
      healthChecked('timeout: 4s'),
      'defaults: { healthCheck: off }\n' + upstream('retry: off'),
    ],
  },
  {
    rule: 'ejection-exceeds-maximum',
    bad: upstream('ejection: { baseTime: 6m }'),
    at: '4:27 upstreams.a.ejection.baseTime',
    says: ['cuts that to 5m', 'maxTime to 6m'],
    good: [upstream('ejection: { baseTime: 5m }')],
  },
  {
    rule: 'unused-hash-key',
    bad: upstream('balance: { key: { header: X-User-Id } }'),
    at: '4:31 upstreams.a.balance.key.header',
    says: ['strategy is least-request', 'set balance.strategy to hash'],
    good: [
      upstream('balance: { strategy: hash, key: { header: X-User-Id } }'),
      `defaults: { balance: { strategy: hash, key: path } }\n${upstream('balance: { strategy: random }')}`,
      `defaults: { balance: { key: path } }\nupstreams:\n  a: { listen: 1, target: "http://a" }\n  b: { listen: 2, target: "http://b", balance: { strategy: hash } }\n`,
    ],
  },
  {
    rule: 'tiny-weight',
    bad: spread('"http://b", { url: "http://c", weight: 1001 }', 'retry: off'),
    at: '3:28 upstreams.a.targets[0]',
    says: ['about 0.1% of the calls', 'set its weight to 2 or more'],
    good: [
      spread('"http://b", { url: "http://c", weight: 999 }', 'retry: off'),
      spread('"http://b", "http://c"', 'retry: off'),
    ],
  },
  {
    rule: 'shared-target',
    bad: 'upstreams:\n  a: { listen: 1, target: "http://a" }\n  b:\n    listen: 2\n    targets: ["http://b", "http://a:80"]\n    circuitBreaker: off\n',
    at: '5:27 upstreams.b.targets[1]',
    says: ['a has this target too'],
    good: [
      'upstreams:\n  a: { listen: 1, target: "http://a" }\n  b: { listen: 2, targets: ["http://b", "http://a"] }\n',
    ],
  },
  {
    rule: 'hidden-route',
    bad: routed('path: "/search/*"', 'path: "/search/new", methods: [GET]'),
    at: '7:36 upstreams.a.routes[1].match.path',
    says: [
      'no request ever takes the route r1',
      'the earlier route r0 takes all',
      'write r1 in front of r0',
    ],
    good: [
      routed('path: "/search/new", methods: [GET]', 'path: "/search/*"'),
      routed('path: "/search/*"', 'path: "/search"'),
      routed('path: "/search/*"', 'path: "/searches/x"'),
      routed('path: "/a/:id"', 'path: "/a/*"'),
      routed('path: "/a/:id"', 'path: "/a/"'),
      routed('path: "/a/:id"', 'path: "/a/b/c"'),
      routed('path: "/a/b"', 'path: "/a/:id"'),
      routed('path: "/a/*", methods: [GET]', 'path: "/a/b"'),
      routed('path: "/a/*", methods: [GET]', 'path: "/a/b", methods: [GET, PUT]'),
      routed('path: "/a"', ''),
    ],
  },
  ...[
    ['', 'path: "/x"'],
    ['path: "/*"', 'path: "/x/y"'],
    ['path: "/a/:id"', 'path: "/a/b"'],
    ['path: "/a/:id"', 'path: "/a/:other"'],
    ['path: "/a/:id/*"', 'path: "/a/b/c/*"'],
    ['path: "/a/*"', 'path: "/a/"'],
    ['path: "/a/b"', 'path: "/a/%62"'],
  ].map(([first, second]): Case => ({
    rule: 'hidden-route',
    bad: routed(first!, second!),
    at: '7:36 upstreams.a.routes[1].match.path',
    says: ['the earlier route r0'],
    good: first === second ? [] : [routed('methods: [POST]', second!)],
  })),
  {
    rule: 'hidden-route',
    bad: routed('path: "/*"', ''),
    at: '7:28 upstreams.a.routes[1].match',
    says: ['the earlier route r0'],
    good: [],
  },
  {
    rule: 'hidden-route',
    bad: routed(
      'methods: [GET]',
      'methods: [PUT], path: "/x/*"',
      'path: "/x/y", methods: [GET, PUT]',
    ),
    at: '8:36 upstreams.a.routes[2].match.path',
    says: ['the earlier routes r0 and r1 take all', 'write r2 in front of them'],
    good: [],
  },
  {
    rule: 'lock-before-attempt',
    bad: upstream('timeout: { attempt: 5s }, idempotency: { lockTimeout: 5s }'),
    at: '4:59 upstreams.a.idempotency.lockTimeout',
    says: ['lockTimeout to more than 5s'],
    good: [
      upstream('timeout: { attempt: 5s }, idempotency: { lockTimeout: 5001ms }'),
      upstream('timeout: { attempt: 5s }, idempotency: off'),
    ],
  },
  {
    rule: 'hedge-without-budget',
    bad: upstream('hedge: on, retry: off'),
    at: '4:23 upstreams.a.retry',
    says: ['set retry to on, or hedge to off', 'maxAttempts: 1 keeps the budget'],
    good: [upstream('hedge: on, retry: { maxAttempts: 1 }'), upstream('retry: off')],
  },
  {
    rule: 'hedge-without-budget',
    bad: upstream('hedge: on, retry: { budget: off }'),
    at: '4:33 upstreams.a.retry.budget',
    says: ['retry.budget is off', 'set retry.budget to on, or hedge to off'],
    good: [upstream('hedge: on'), upstream('retry: { budget: off }')],
  },
  {
    rule: 'unsafe-hedge',
    bad: upstream('hedge: { methods: [GET, POST, PATCH] }'),
    at: '4:29 upstreams.a.hedge.methods[1]',
    says: ['a slow POST and PATCH with an idempotency key is sent', 'set hedge.methods to [GET]'],
    good: [upstream('hedge: { methods: [GET, PUT] }')],
  },
  {
    rule: 'unsafe-hedge',
    bad: upstream('hedge: { methods: [POST] }, retry: { methods: [GET, POST], maxAttempts: 1 }'),
    at: '4:24 upstreams.a.hedge.methods[0]',
    says: ['a slow POST is sent', 'set hedge to off'],
    good: [],
  },
  {
    rule: 'hedge-without-method',
    bad: routed('methods: [POST, PUT] }, hedge: { after: 1s'),
    at: '6:61 upstreams.a.routes[0].hedge',
    says: ['no call of the route r0 is hedged', 'it takes POST and PUT', 'is [GET, HEAD, OPTIONS]'],
    good: [
      routed('methods: [POST, GET] }, hedge: { after: 1s'),
      routed('path: "/x" }, hedge: { after: 1s'),
      routed('methods: [POST] }, retry: { maxAttempts: 2'),
      routed('methods: [POST] }, retry: { grpc: idempotent }, hedge: { after: 1s'),
    ],
  },
  {
    rule: 'attempt-reaches-total',
    bad: upstream('timeout: { attempt: 5s, total: 5s }'),
    at: '4:25 upstreams.a.timeout.attempt',
    says: ['attempt to 1.5s or less', 'total to 16s or more'],
    good: [
      upstream('timeout: { attempt: 4999ms, total: 5s }, retry: off'),
      upstream('timeout: { attempt: 5s, total: off }'),
      upstream('timeout: off'),
    ],
  },
  {
    rule: 'attempt-reaches-total',
    bad: upstream('timeout: { total: 10s }, retry: off, bulkhead: off'),
    at: '4:23 upstreams.a.timeout.total',
    says: ['an attempt may take 10s', 'attempt to 9s or less', 'total to 11s or more'],
    good: [upstream('timeout: { total: 10001ms }, retry: off')],
  },
  {
    rule: 'retries-exceed-total',
    bad: upstream('timeout: { total: 30299ms }'),
    at: '4:23 upstreams.a.timeout.total',
    says: [
      '3 attempts of 10s',
      'need 30.3s',
      'attempt to 9.9s or less',
      'total to 31s',
      'Attempts to 2',
    ],
    good: [upstream('timeout: { total: 30300ms }'), upstream('timeout: { total: off }')],
  },
  {
    // Jitter may make a delay half as long again.
    rule: 'retries-exceed-total',
    bad: upstream('timeout: { total: 30449ms }, retry: { backoff: { jitter: half } }'),
    at: '4:23 upstreams.a.timeout.total',
    says: ['up to 450ms between them'],
    good: [upstream('timeout: { total: 30450ms }, retry: { backoff: { jitter: half } }')],
  },
  {
    rule: 'retries-exceed-total',
    bad: upstream('retry: { maxAttempts: 4 }'),
    at: '4:27 upstreams.a.retry.maxAttempts',
    says: ['4 attempts of 10s', 'Attempts to 3'],
    good: [upstream('retry: { maxAttempts: 3 }'), upstream('retry: { maxAttempts: 1 }')],
  },
  {
    rule: 'connect-exceeds-attempt',
    bad: upstream('timeout: { connect: 1001ms, attempt: 1s }'),
    at: '4:25 upstreams.a.timeout.connect',
    says: ['connect to 500ms'],
    good: [
      upstream('timeout: { connect: 1s, attempt: 1s }'),
      upstream('timeout: { connect: 20s, attempt: off }'),
      upstream('timeout: { attempt: 2s }'),
    ],
  },
  {
    rule: 'connect-exceeds-attempt',
    bad: upstream('timeout: { attempt: 1999ms }'),
    at: '4:25 upstreams.a.timeout.attempt',
    says: ['connecting may take 2s'],
    good: [
      upstream('timeout: { attempt: 2s }'),
      upstream('timeout: { connect: off, attempt: 1s }'),
    ],
  },
  {
    rule: 'queue-outlasts-total',
    bad: upstream('bulkhead: { queueTimeout: 35s }'),
    at: '4:31 upstreams.a.bulkhead.queueTimeout',
    says: ['queueTimeout to 7s'],
    good: [
      upstream('bulkhead: { queueTimeout: 34s }'),
      upstream('bulkhead: { queueTimeout: off }'),
      upstream('bulkhead: { queueTimeout: 35s, maxQueue: 0 }'),
      upstream('bulkhead: { queueTimeout: 35s }, timeout: { total: off }'),
    ],
  },
  {
    rule: 'buffer-swallows-total',
    bad: upstream('deadline: { buffer: 35s }'),
    at: '4:25 upstreams.a.deadline.buffer',
    says: ['every call is refused', 'buffer to 3.5s'],
    good: [upstream('deadline: { buffer: 34999ms }'), upstream('deadline: off')],
  },
  {
    rule: 'recovery-before-attempt',
    bad: upstream('circuitBreaker: { recoveryTimeout: 9999ms }'),
    at: '4:40 upstreams.a.circuitBreaker.recoveryTimeout',
    says: ['recoveryTimeout to 10s'],
    good: [
      upstream('circuitBreaker: { recoveryTimeout: 10s }'),
      upstream('circuitBreaker: off, timeout: { attempt: 31s, total: 94s }'),
    ],
  },
  {
    rule: 'recovery-exceeds-maximum',
    bad: upstream('circuitBreaker: { recoveryTimeout: 301s }'),
    at: '4:40 upstreams.a.circuitBreaker.recoveryTimeout',
    says: ['cuts that to 5m', 'maxRecoveryTimeout to 301s'],
    good: [
      upstream('circuitBreaker: { recoveryTimeout: 5m }'),
      upstream('circuitBreaker: { recoveryTimeout: 301s, maxRecoveryTimeout: 301s }'),
    ],
  },
  {
    rule: 'attempt-reaches-total',
    bad: upstream('timeout: { adaptive: { max: 35s } }, circuitBreaker: off'),
    at: '4:33 upstreams.a.timeout.adaptive.max',
    says: ['take 35s (timeout.adaptive.max)', 'set timeout.adaptive.max to 11s or less'],
    good: [upstream('timeout: { adaptive: { max: 11s } }')],
  },
  {
    rule: 'attempt-reaches-total',
    bad: upstream(
      'timeout: { attempt: off, adaptive: { max: 35s } }, retry: off, circuitBreaker: off',
    ),
    at: '4:47 upstreams.a.timeout.adaptive.max',
    says: ['timeout.adaptive.max never fires', 'set timeout.adaptive.max to 31s or less'],
    good: [upstream('timeout: { attempt: off, adaptive: { max: 30s } }, retry: off')],
  },
  {
    rule: 'retries-exceed-total',
    bad: upstream('timeout: { attemptGrowth: 50% }'),
    at: '4:31 upstreams.a.timeout.attemptGrowth',
    says: [
      '3 attempts of 10s to 20s with',
      'need 45.3s',
      'set timeout.attempt to 7.7s or less',
      'Attempts to 2',
    ],
    good: [
      upstream('timeout: { attempt: 7.7s, attemptGrowth: 50% }'),
      upstream('timeout: { attemptGrowth: 50% }, retry: { maxAttempts: 2 }'),
      upstream('timeout: { attemptGrowth: 50% }, retry: off'),
    ],
  },
  {
    rule: 'retries-exceed-total',
    bad: upstream('timeout: { attempt: 12s, adaptive: { max: 20s } }'),
    at: '4:47 upstreams.a.timeout.adaptive.max',
    says: [
      '3 attempts of 20s (timeout.adaptive.max) with',
      'set timeout.attempt and timeout.adaptive.max to 11s or less',
    ],
    good: [upstream('timeout: { attempt: 11s, adaptive: { max: 11s } }')],
  },
  {
    rule: 'connect-exceeds-attempt',
    bad: upstream('timeout: { connect: 1500ms, attempt: off, adaptive: { max: 1s } }'),
    at: '4:25 upstreams.a.timeout.connect',
    says: ['an attempt ends after 1s (timeout.adaptive.max)', 'connect to 500ms'],
    good: [
      upstream('timeout: { connect: 1s, attempt: off, adaptive: { max: 1s } }'),
      upstream('timeout: { connect: 2s, attempt: 1s, adaptive: { max: 2s } }'),
    ],
  },
  {
    rule: 'recovery-before-attempt',
    bad: upstream(
      'circuitBreaker: { recoveryTimeout: 15s }, timeout: { attemptGrowth: 50%, total: 46s }',
    ),
    at: '4:40 upstreams.a.circuitBreaker.recoveryTimeout',
    says: ['an attempt may take 20s', 'recoveryTimeout to 20s'],
    good: [
      upstream(
        'circuitBreaker: { recoveryTimeout: 20s }, timeout: { attemptGrowth: 50%, total: 46s }',
      ),
      upstream('circuitBreaker: { recoveryTimeout: 15s }'),
    ],
  },
  {
    rule: 'adaptive-bounds-crossed',
    bad: upstream('timeout: { adaptive: { min: 5001ms, max: 5s } }'),
    at: '4:33 upstreams.a.timeout.adaptive.min',
    says: ['it is always 5s', 'min to less than 5s'],
    good: [upstream('timeout: { adaptive: { min: 5s, max: 5s } }')],
  },
  {
    rule: 'samples-exceed-window',
    bad: upstream('timeout: { adaptive: { window: 9, max: 10s } }'),
    at: '4:36 upstreams.a.timeout.adaptive.window',
    says: ['no timeout is ever learned', 'minSamples to 9', 'window to 10'],
    good: [upstream('timeout: { adaptive: { window: 10, max: 10s } }')],
  },
  {
    rule: 'adaptive-cannot-grow',
    bad: upstream('timeout: { adaptive: { multiplier: 1.09, max: 10s } }'),
    at: '4:40 upstreams.a.timeout.adaptive.multiplier',
    says: ['time out for good', 'multiplier to 1.5'],
    good: [upstream('timeout: { adaptive: { multiplier: 1.1, max: 10s } }')],
  },
  {
    rule: 'adaptive-loosens-attempt',
    bad: upstream('timeout: { attempt: 900ms, connect: 500ms, adaptive: { max: 10s } }'),
    at: '4:25 upstreams.a.timeout.attempt',
    says: ['at least 1s (timeout.adaptive.min)', 'min to 900ms or less'],
    good: [
      upstream('timeout: { attempt: 1s, connect: 500ms, adaptive: { max: 10s } }'),
      upstream('timeout: { attempt: off, adaptive: { max: 10s } }'),
      upstream('timeout: { attempt: 900ms, connect: 500ms, adaptive: { min: 900ms, max: 10s } }'),
    ],
  },
  {
    rule: 'no-jitter',
    bad: upstream('retry: { backoff: { jitter: none } }'),
    at: '4:33 upstreams.a.retry.backoff.jitter',
    says: ['jitter to full'],
    good: [
      upstream('retry: { backoff: { jitter: equal } }'),
      upstream(
        'retry: { backoff: { jitter: none, strategy: decorrelated } }, timeout: { total: 40s }',
      ),
      upstream('retry: { maxAttempts: 1, backoff: { jitter: none } }'),
    ],
  },
  {
    rule: 'many-attempts',
    bad: upstream('retry: { maxAttempts: 6 }, timeout: { attempt: 2s }'),
    at: '4:27 upstreams.a.retry.maxAttempts',
    says: ['one call may become 6', 'maxAttempts to 3'],
    good: [upstream('retry: { maxAttempts: 5 }, timeout: { attempt: 2s }')],
  },
  {
    rule: 'hopeless-retry',
    bad: upstream('retry: { statuses: [503, 404, 422] }'),
    at: '4:30 upstreams.a.retry.statuses[1]',
    says: ['404 and 422 say', 'statuses to [503]'],
    good: [
      upstream('retry: { statuses: [402, 405, 408, 409, 425, 429] }'),
      upstream('retry: { maxAttempts: 1, statuses: [404] }'),
    ],
  },
  ...[400, 401, 403].map((status) => ({
    rule: 'hopeless-retry',
    bad: upstream(`retry: { statuses: [${status}] }`),
    at: '4:25 upstreams.a.retry.statuses[0]',
    says: [`${status} says`],
    good: [],
  })),
  {
    rule: 'unsafe-retry',
    bad: upstream('retry: { methods: [GET, POST] }'),
    at: '4:29 upstreams.a.retry.methods[1]',
    says: ['a POST', 'methods to [GET]'],
    good: [
      upstream('retry: { methods: [GET, PUT, DELETE] }'),
      upstream('retry: { methods: [POST], maxAttempts: 1 }'),
      upstream('retry: { methods: [POST, PATCH] }, idempotency: { methods: [POST, PATCH] }'),
    ],
  },
  {
    rule: 'unsafe-retry',
    bad: upstream('retry: { methods: [PATCH] }, idempotency: { methods: [POST] }'),
    at: '4:24 upstreams.a.retry.methods[0]',
    says: ['a PATCH'],
    good: [],
  },
  {
    rule: 'hair-trigger',
    bad: upstream('circuitBreaker: { failureThreshold: 1 }'),
    at: '4:41 upstreams.a.circuitBreaker.failureThreshold',
    says: ['failureThreshold to 5'],
    good: [
      upstream('circuitBreaker: { failureThreshold: 2 }'),
      upstream('circuitBreaker: { failureThreshold: off }'),
    ],
  },
  {
    rule: 'client-error-as-failure',
    bad: upstream('circuitBreaker: { failureStatuses: [500, 429] }'),
    at: '4:46 upstreams.a.circuitBreaker.failureStatuses[1]',
    says: ['429 is', 'failureStatuses to [500]'],
    good: [upstream('circuitBreaker: { failureStatuses: [500, 399] }')],
  },
  {
    rule: 'single-slot',
    bad: upstream('bulkhead: { maxConcurrent: 1 }'),
    at: '4:32 upstreams.a.bulkhead.maxConcurrent',
    says: ['maxConcurrent to 2'],
    good: [upstream('bulkhead: { maxConcurrent: 3 }')],
  },
  {
    rule: 'key-limit-reaches-all',
    bad: upstream('bulkhead: { maxConcurrent: 8, perKey: { maxConcurrent: 8 } }'),
    at: '4:60 upstreams.a.bulkhead.perKey.maxConcurrent',
    says: ['8 slots, and there are 8 in all', 'perKey.maxConcurrent to 2'],
    good: [
      upstream('bulkhead: { maxConcurrent: 8, perKey: { maxConcurrent: 7 } }'),
      upstream('bulkhead: { maxConcurrent: 5, perKey: off }'),
    ],
  },
  {
    rule: 'key-limit-reaches-all',
    bad: upstream('bulkhead: { maxConcurrent: 5, perKey: { header: X-Tenant } }'),
    at: '4:32 upstreams.a.bulkhead.maxConcurrent',
    says: ['5 slots, and there are 5 in all', 'perKey.maxConcurrent to 2'],
    good: [upstream('bulkhead: { maxConcurrent: 6, perKey: { header: X-Tenant } }')],
  },
  {
    rule: 'key-rate-reaches-all',
    bad: upstream('rateLimit: { rate: 20/s, perKey: { rate: 20/s } }'),
    at: '4:46 upstreams.a.rateLimit.perKey.rate',
    says: ['one caller may send 20/s, and all together 20/s', 'perKey.rate to 5/s or so'],
    good: [
      upstream('rateLimit: { rate: 20/s, perKey: { rate: 19/s } }'),
      upstream('rateLimit: { rate: 20/s, perKey: off }'),
    ],
  },
  {
    rule: 'key-rate-reaches-all',
    bad: upstream('rateLimit: { rate: 30/m, perKey: on }'),
    at: '4:24 upstreams.a.rateLimit.rate',
    says: ['may send 10/s, and all together 30/m'],
    good: [upstream('rateLimit: { perKey: on }')],
  },
  {
    rule: 'small-burst',
    bad: upstream('rateLimit: { rate: 100/s, burst: 9 }'),
    at: '4:38 upstreams.a.rateLimit.burst',
    says: ['long before 100/s is reached', 'no more than 9 may come at once', 'burst to 100'],
    good: [
      upstream('rateLimit: { rate: 100/s, burst: 10 }'),
      upstream('rateLimit: { rate: 100/s }'),
      upstream('rateLimit: { rate: 500/m, burst: 1 }'),
    ],
  },
  {
    rule: 'small-burst',
    bad: upstream('rateLimit: { perKey: { rate: 30/s, burst: 2 } }'),
    at: '4:47 upstreams.a.rateLimit.perKey.burst',
    says: ['set rateLimit.perKey.burst to 30'],
    good: [upstream('rateLimit: { perKey: { rate: 30/s, burst: 3 } }')],
  },
  {
    rule: 'shared-limit-in-memory',
    bad: upstream('rateLimit: { shared: true }'),
    at: '4:26 upstreams.a.rateLimit.shared',
    says: ['each replica counts by itself', 'set stores to { kind: redis'],
    good: [
      upstream('rateLimit: { shared: false }'),
      `stores: { kind: redis, url: "redis://r" }\n${upstream('rateLimit: { shared: true }')}`,
    ],
  },
  {
    rule: 'shared-circuit-in-memory',
    bad: upstream('circuitBreaker: { shared: true }'),
    at: '4:31 upstreams.a.circuitBreaker.shared',
    says: ['no replica learns of it', 'set stores to { kind: redis'],
    good: [
      upstream('circuitBreaker: { shared: false }'),
      `stores: { kind: redis, url: "redis://r" }\n${upstream('circuitBreaker: { shared: true }')}`,
    ],
  },
  {
    rule: 'burst-exceeds-bulkhead',
    bad: upstream('rateLimit: { burst: 151 }'),
    at: '4:25 upstreams.a.rateLimit.burst',
    says: ['lets 151 calls pass at once', 'has room for 150', 'set rateLimit.burst to 150 or less'],
    good: [
      upstream('rateLimit: { burst: 150 }'),
      upstream('rateLimit: { burst: 151 }, bulkhead: off'),
      upstream('bulkhead: { maxQueue: 0 }'),
    ],
  },
  {
    rule: 'burst-exceeds-bulkhead',
    bad: upstream('rateLimit: { rate: 200/s }'),
    at: '4:24 upstreams.a.rateLimit.rate',
    says: ['lets 200 calls pass at once'],
    good: [upstream('rateLimit: { rate: 9000/m }')],
  },
  {
    rule: 'policy-in-shadow',
    bad: upstream('circuitBreaker: { mode: shadow }'),
    at: '4:29 upstreams.a.circuitBreaker.mode',
    says: ['in shadow', 'set circuitBreaker.mode to enforce'],
    good: [upstream('circuitBreaker: { mode: enforce }'), upstream('circuitBreaker: off')],
  },
  {
    rule: 'policy-in-shadow',
    bad: upstream('timeout: { adaptive: { mode: shadow } }'),
    at: '4:34 upstreams.a.timeout.adaptive.mode',
    says: ['set timeout.adaptive.mode to enforce'],
    good: [upstream('timeout: { adaptive: { max: 10s } }'), upstream('timeout: off')],
  },
  {
    rule: 'probes-exceed-slots',
    bad: upstream('bulkhead: { maxConcurrent: 2 }'),
    at: '4:32 upstreams.a.bulkhead.maxConcurrent',
    says: ['halfOpenMaxCalls to 2'],
    good: [
      upstream('bulkhead: { maxConcurrent: 3 }'),
      upstream('bulkhead: { maxConcurrent: 2 }, circuitBreaker: off'),
      upstream('bulkhead: off, circuitBreaker: { halfOpenMaxCalls: 1000 }'),
    ],
  },
  {
    rule: 'probes-exceed-slots',
    bad: upstream('circuitBreaker: { halfOpenMaxCalls: 101 }'),
    at: '4:41 upstreams.a.circuitBreaker.halfOpenMaxCalls',
    says: ['halfOpenMaxCalls to 100'],
    good: [upstream('circuitBreaker: { halfOpenMaxCalls: 100 }')],
  },
  {
    rule: 'retries-at-both-ends',
    bad: chain(''),
    at: '3:45 upstreams.a.fallback[1]',
    says: ['makes 3 attempts here, and then up to 3 attempts at b'],
    good: [chain('retry: off'), chain('retry: { maxAttempts: 1 }')],
  },
  {
    rule: 'unverified-certificate',
    bad: upstream('tls: { insecureSkipVerify: true }').replace('http:', 'https:'),
    at: '4:32 upstreams.a.tls.insecureSkipVerify',
    says: ['tls.ca', 'insecureSkipVerify to false'],
    good: [upstream('tls: { insecureSkipVerify: false }').replace('http:', 'https:')],
  },
  {
    rule: 'open-admin',
    bad: admin('listen: "0.0.0.0:9900"'),
    at: '1:18 admin.listen',
    says: ['admin.token to "${ADMIN_TOKEN}"', '127.0.0.1:9900, with admin.metrics'],
    good: [
      admin('listen: "0.0.0.0:9900", token: t'),
      admin('listen: "127.0.0.2:9900"'),
      admin('listen: "localhost:9900"'),
      admin('listen: "[::1]:9900"'),
      admin('listen: 9900'),
      admin('listen: "unix:/a.sock"'),
      admin('listen: "unix:/a.sock", metrics: "0.0.0.0:9900"'),
    ],
  },
  ...['"[::]:9900"', '"10.0.0.1:9900"', '"admin.internal:9900"'].map((listen) => ({
    rule: 'open-admin',
    bad: admin(`listen: ${listen}`),
    at: '1:18 admin.listen',
    says: ['403'],
    good: [],
  })),
  {
    rule: 'shared-target',
    bad: two('"http://x", circuitBreaker: { failureThreshold: 9 }', '"http://x:80/"'),
    at: '3:27 upstreams.b.target',
    says: ['a has this target too'],
    good: [
      two('"http://x"', '"http://x:80/"'),
      two('"http://x", circuitBreaker: { failureThreshold: 9 }', '"http://x/b"'),
      two('"http://x", circuitBreaker: { failureThreshold: 9 }', '"http://x:81"'),
      two('"http://x", timeout: { idle: 9s }', '"http://x"'),
    ],
  },
  {
    rule: 'limit-bounds-crossed',
    bad: upstream('bulkhead: { maxConcurrent: 3, adaptive: { max: 4 } }'),
    at: '4:52 upstreams.a.bulkhead.adaptive.max',
    says: ['below 5', 'above 4'],
    good: [
      upstream('bulkhead: { maxConcurrent: 5, adaptive: { max: 5 } }'),
      upstream('bulkhead: { adaptive: off }'),
    ],
  },
  {
    rule: 'limit-shares-crossed',
    bad: upstream('bulkhead: { adaptive: { decreaseAbove: 5% } }'),
    at: '4:44 upstreams.a.bulkhead.adaptive.decreaseAbove',
    says: ['increaseBelow to a quarter'],
    good: [upstream('bulkhead: { adaptive: { decreaseAbove: 6% } }')],
  },
  {
    rule: 'limit-starts-outside',
    bad: upstream('bulkhead: { adaptive: { max: 99 } }'),
    at: '4:34 upstreams.a.bulkhead.adaptive.max',
    says: ['starts at 99', 'maxConcurrent to a value from 5 to 99'],
    good: [upstream('bulkhead: { adaptive: { max: 100 } }')],
  },
  {
    rule: 'limit-starts-outside',
    bad: upstream('bulkhead: { maxConcurrent: 4, adaptive: {} }'),
    at: '4:32 upstreams.a.bulkhead.maxConcurrent',
    says: ['starts at 5'],
    good: [upstream('bulkhead: { maxConcurrent: 5, adaptive: {} }')],
  },
  {
    rule: 'unknown-rule',
    bad: `${upstream('retry: off')}# breakwater-ignore: single-slto\n`,
    at: '5:22 ',
    says: ['did you mean "single-slot"?'],
    good: [`${upstream('retry: off')}# breakwater-ignore: single-slot\n`],
  },
  {
    rule: 'overload-without-effect',
    bad: overload('shed: 0%'),
    at: '1:19 overload.shed',
    says: ['overload.shed to 30%'],
    good: [overload('shed: 1%'), overload(''), `overload: off\n${upstream('retry: off')}`],
  },
  {
    rule: 'overload-without-effect',
    bad: overload('eventLoopDelay: off, memory: off'),
    at: '1:42 overload.memory',
    says: ['both limits are off'],
    good: [overload('eventLoopDelay: off'), overload('memory: off')],
  },
  {
    rule: 'overload-without-effect',
    bad: overload('memory: 100%'),
    at: '1:21 overload.memory',
    says: ['overload.memory to 85%'],
    good: [overload('memory: 99%')],
  },
  {
    rule: 'touchy-overload',
    bad: overload('eventLoopDelay: 19ms'),
    at: '1:29 overload.eventLoopDelay',
    says: ['every 10 ms', 'overload.eventLoopDelay to 100ms'],
    good: [overload('eventLoopDelay: 20ms')],
  },
  {
    rule: 'sheds-everything',
    bad: overload('shed: 100%'),
    at: '1:19 overload.shed',
    says: ['in waves', 'overload.shed to 30%'],
    good: [overload('shed: 99%')],
  },
  {
    rule: 'policy-in-shadow',
    bad: overload('mode: shadow'),
    at: '1:19 overload.mode',
    says: ['set overload.mode to enforce'],
    good: [overload('mode: enforce')],
  },
];

for (const { rule, bad, at, says, good } of cases) {
  t.test(`tells ${rule} at ${at}`, async (t) => {
    const [line, path] = at.split(' ');
    const { places, messages, levels } = lint(bad);
    t.strictSame(places, [`${line} ${rule} ${path}`], 'this and nothing else');
    for (const part of says) t.ok(messages[0]?.includes(part), `${messages[0]} has: ${part}`);
    t.equal(levels[0], lintRules.find(({ name }) => name === rule)?.level);
    for (const text of good) t.strictSame(lint(text).places, [], text);
  });
}

const tell = (keys: string) =>
  checkText(upstream(keys), 'f.yaml', {}).diagnostics.map(
    ({ line, column, level, rule, path }) => `${line}:${column} ${level} ${rule} ${path}`,
  );

t.test('tells no-fallback of an upstream that GETs and has none', async (t) => {
  t.strictSame(tell('preserveHost: false'), ['2:3 info no-fallback upstreams.a']);
  t.strictSame(tell('fallback: [{ static: { status: 200 } }]'), []);
  t.strictSame(tell('circuitBreaker: off'), []);
  t.strictSame(tell('retry: { methods: [PUT] }'), []);
});

t.test('has a case for every rule', async (t) => {
  const covered = new Set([...cases.map(({ rule }) => rule), 'no-fallback']);
  t.strictSame([...covered].toSorted(), lintRules.map(({ name }) => name).toSorted());
});

t.test(
  'reports a value in defaults once, at its place, with all upstreams and routes concerned',
  async (t) => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'];
    const { places, messages } = lint(
      `defaults:\n  retry:\n    backoff:\n      jitter: none\nupstreams:\n${names
        .map((name, i) => `  ${name}: { listen: ${i + 1}, target: "http://${name}" }\n`)
        .join('')}`,
    );
    t.strictSame(places, ['4:15 no-jitter defaults.retry.backoff.jitter']);
    t.match(messages[0], /\(for a, b, c, d, e, f, g, h, i and j\)$/);
  },
);

t.test('tells a value in a profile for those who use it and do not write their own', async (t) => {
  const { places, messages } = lint(`profiles:
  one: { bulkhead: { maxConcurrent: 1 } }
  unused: { bulkhead: { maxConcurrent: 1 } }
upstreams:
  a: { listen: 1, target: "http://a", profile: one }
  b: { listen: 2, target: "http://b", profile: one, bulkhead: { maxConcurrent: 9 } }
  c: { listen: 3, target: "http://c" }
`);
  t.strictSame(places, ['2:37 single-slot profiles.one.bulkhead.maxConcurrent']);
  t.match(messages[0], /\(for a\)$/);
});

t.test('points at the value without which there was peace', async (t) => {
  const { places } = lint(`defaults:
  timeout: { attempt: 3s, total: 12s }
upstreams:
  a: { listen: 1, target: "http://a" }
  b: { listen: 2, target: "http://b", timeout: { total: 2s } }
`);
  t.strictSame(places, ['5:57 attempt-reaches-total upstreams.b.timeout.total']);
});

t.test('tells a route what it writes, and not what it inherits', async (t) => {
  const { places, messages } = lint(`defaults:
  retry: { backoff: { jitter: none } }
upstreams:
  a:
    listen: 1
    target: http://a
    retry: { maxAttempts: 1 }
    bulkhead: { maxConcurrent: 1 }
    routes:
      - name: r
        match: { path: /r }
        retry: { maxAttempts: 2 }
      - name: s
        match: { path: /s }
        timeout: { attempt: 35s }
`);
  t.strictSame(places, [
    '2:31 no-jitter defaults.retry.backoff.jitter',
    '8:32 single-slot upstreams.a.bulkhead.maxConcurrent',
    '15:29 attempt-reaches-total upstreams.a.routes[1].timeout.attempt',
    '15:29 recovery-before-attempt upstreams.a.routes[1].timeout.attempt',
  ]);
  t.match(messages[0], /\(for route r of a\)$/);
});

t.test('reads a value through anchors and merge keys', async (t) => {
  const { places } = lint(`upstreams:
  a: { listen: 1, target: "http://a", bulkhead: &one { maxConcurrent: 1 } }
  b: { listen: 2, target: "http://b", bulkhead: { <<: *one, maxQueue: 9 } }
`);
  t.ok(places.length > 0);
  for (const place of places) t.match(place, /^2:71 single-slot upstreams\.[ab]\.bulkhead\.max/);
});

t.test('says nothing of a file with mistakes but the mistakes', async (t) => {
  const text = upstream('bulkhead: { maxConcurrent: 1 }, retyr: off');
  const rules = checkText(text, 'f.yaml', {}).diagnostics.map(({ rule }) => rule);
  t.strictSame(rules, ['unknown-key']);
});

t.test('is left to check: loading a file finds only mistakes', async (t) => {
  t.strictSame(loadText(upstream('bulkhead: { maxConcurrent: 1 }'), 'f.yaml', {}).diagnostics, []);
});

const allMistakes = `admin: { listen: "0.0.0.0:9900" }
defaults:
  retry:
    maxAttempts: 9
    methods: [GET, POST]
    statuses: [404, 503]
    backoff: { jitter: none }
upstreams:
  a: # breakwater-ignore: no-such-rule
    listen: 1
    target: https://a
    tls: { insecureSkipVerify: true }
    timeout: { connect: 11s, total: 30s }
    rateLimit: { rate: 400/s, burst: 60, shared: true, perKey: { rate: 400/s, burst: 1 } }
    bulkhead: { maxConcurrent: 1, queueTimeout: 40s }
    circuitBreaker:
      shared: true
      failureThreshold: 1
      failureStatuses: [404, 500]
      recoveryTimeout: 5s
      maxRecoveryTimeout: 1s
      halfOpenMaxCalls: 5
  b:
    listen: 2
    target: https://a
    timeout: { attempt: 2s, total: 1s }
    deadline: { buffer: 2s }
    idempotency: { lockTimeout: 1s }
    bulkhead:
      perKey: { maxConcurrent: 200 }
      adaptive: { min: 9, max: 8, decreaseAbove: 1% }
  c:
    listen: 3
    target: http://c
    bulkhead: { adaptive: { max: 50 } }
    timeout: { attempt: 7s, adaptive: { multiplier: 1, min: 9s, max: 8s, window: 5 } }
    hedge: { methods: [GET, POST] }
    routes:
      - { name: all, match: {} }
      - { name: none, match: { methods: [PUT] }, hedge: { after: 1s }, retry: { budget: off } }
  d:
    listen: 4
    target: http://10.0.0.1
    ejection: { baseTime: 9m }
    balance: { key: path }
    hedge: { after: 20s }
    fault: { reset: {}, abort: { share: 0% } }
  e:
    listen: 5
    targets: ["http://e", { url: "http://f", weight: 5000 }]
    healthCheck: { path: /up, interval: 20s, timeout: 30s }
  f:
    listen: 6
    target: http://g
    retry: { grpc: idempotent }
    fallback: [{ static: { status: 200 } }]
    idempotency: on
overload: { mode: shadow, eventLoopDelay: 1ms, memory: 100%, shed: 100% }
`;

/** Those that are about a chain of fallbacks, or the lack of one. */
const aboutFallback = new Set(['no-fallback', 'retries-at-both-ends']);

t.test('prints all warnings of a file with all the mistakes', async (t) => {
  const { diagnostics } = checkText(allMistakes, 'f.yaml', {});
  const found = new Set(diagnostics.map(({ rule }) => rule));
  t.strictSame(
    lintRules
      .map(({ name }) => name)
      .filter((name) => !found.has(name) && !aboutFallback.has(name)),
    [],
  );
  for (const { message } of diagnostics) t.match(message, /\b(set|write|did you mean)\b/, message);
});

const withComment = (comment: string) =>
  `upstreams:\n  a:\n    listen: 1\n    target: http://a\n    bulkhead:\n      maxConcurrent: 1 ${comment}\n      maxQueue: 9\n`;

t.test('is silent on a line whose comment names the rule', async (t) => {
  for (const comment of [
    '# breakwater-ignore: single-slot',
    '#breakwater-ignore:single-slot',
    '# breakwater-ignore: no-jitter, single-slot',
    '# breakwater-ignore: single-slot -- the box, single as it is, has one thread',
  ]) {
    t.strictSame(lint(withComment(comment)).places, [], comment);
    t.strictSame(
      lint(withComment(comment).replaceAll('\n', '\r\n')).places,
      [],
      `${comment} and CRLF`,
    );
  }
  const here = '6:22 single-slot upstreams.a.bulkhead.maxConcurrent';
  t.strictSame(lint(withComment('# breakwater-ignore: no-jitter')).places, [here], 'another rule');
  t.strictSame(lint(withComment('# single-slot')).places, [here], 'another comment');
  t.strictSame(
    lint(withComment('\n      # breakwater-ignore: single-slot')).places,
    [here],
    'another line',
  );
});

t.test('is silent for all upstreams where the value in defaults says so', async (t) => {
  const [first, rest] = [
    'defaults:\n  bulkhead: { maxConcurrent: 1 }',
    two('"http://a"', '"http://b"'),
  ];
  t.equal(lint(`${first}\n${rest}`).places.length, 1);
  t.strictSame(lint(`${first} # breakwater-ignore: single-slot\n${rest}`).places, []);
});

const found = (comment: string) => lint(`${upstream('retry: off')}${comment}\n`);

t.test('tells comments that name no rule', async (t) => {
  t.strictSame(found('# breakwater-ignore: single-slot, xyz, no-jiter').places, [
    '5:35 unknown-rule ',
    '5:40 unknown-rule ',
  ]);
  t.match(found('# breakwater-ignore: no-jiter').messages[0], /did you mean "no-jitter"\?$/);
  for (const comment of [
    '# breakwater-ignore',
    '# breakwater-ignore single-slot',
    '# breakwater-ignore:',
  ]) {
    t.match(found(comment).messages[0], /does not name a rule, so it has no effect/, comment);
  }
  t.strictSame(found('# see breakwater-ignore: xyz').places, [], 'prose');
});

t.test('takes no text for a comment', async (t) => {
  const text = `upstreams:
  a: { listen: 1, target: "http://a", deadline: { header: "x#" } }
  b:
    listen: 2
    target: |-
      http://b
    bulkhead: { maxConcurrent: 1 } # a # breakwater-ignore: single-slot
admin:
  token: |
    # breakwater-ignore: nothing
log:
  level: 'info' #breakwater-ignore: nothing
`;
  t.strictSame(lint(text).places, [
    '7:32 single-slot upstreams.b.bulkhead.maxConcurrent',
    '12:37 unknown-rule ',
  ]);
});

/** Runs `check` on a file with this content. */
function run(t: { testdir(): string }, content: string, options: Partial<CheckOptions> = {}) {
  const file = join(t.testdir(), 'f.yaml');
  writeFileSync(file, content);
  let [stdout, stderr] = ['', ''];
  const code = check(
    [file],
    { strict: false, format: 'text', allowUnset: false, ...options },
    {
      env: {},
      stdout: { write: (text) => (stdout += text) },
      stderr: { write: (text) => (stderr += text) },
    },
  );
  return { file, code, stdout, stderr };
}

const quiet = 'circuitBreaker: off, retry: off';

t.test('prints warnings, and fails on them only when it is strict', async (t) => {
  const text = upstream(`${quiet}, bulkhead: { maxConcurrent: 1 }`);
  const loose = run(t, text);
  t.equal(loose.code, 0);
  t.equal(loose.stdout, `${loose.file}: OK, 1 upstream, 1 warning\n`);
  t.match(
    loose.stderr,
    /^\S+f\.yaml:4:65: warning: upstreams\.a\.bulkhead\.maxConcurrent: only one call .* \[single-slot\]\n$/,
  );
  const strict = run(t, text, { strict: true });
  t.equal(strict.code, 1);
  t.equal(strict.stdout, '');
  t.equal(strict.stderr, loose.stderr);
});

t.test('never fails on infos', async (t) => {
  const text = two('"http://x", circuitBreaker: { failureThreshold: 9 }', '"http://x"');
  const { code, stdout, stderr } = run(t, text, { strict: true });
  t.equal(code, 0);
  t.match(stdout, /: OK, 2 upstreams, \d infos?\n$/);
  t.match(stderr, /f\.yaml:3:27: info: upstreams\.b\.target: .* \[shared-target\]\n/);
});

t.test('prints one JSON array', async (t) => {
  const text = upstream(`${quiet}, bulkhead: { maxConcurrent: 1 }`);
  const { file, code, stdout, stderr } = run(t, text, { format: 'json', strict: true });
  t.strictSame([code, stderr], [1, '']);
  const list = JSON.parse(stdout) as { message: string }[];
  t.match(list[0]?.message, /^only one call runs at a time/);
  t.strictSame(list, [
    {
      file,
      line: 4,
      column: 65,
      level: 'warning',
      rule: 'single-slot',
      path: 'upstreams.a.bulkhead.maxConcurrent',
      message: list[0]?.message,
    },
  ]);
});
