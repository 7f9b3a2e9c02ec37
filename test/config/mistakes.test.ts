/** Every mistake in a configuration file is told once, where it is, with what would be right. */
import t from 'tap';
import { formatDiagnostic } from '../../src/config/syntax/diagnostics.js';
import { loadText } from '../../src/config/load.js';

const env = { PORT: '8101', EMPTY: '', WORD: 'abc' };

/** All diagnostics of `text`, without the file's name. */
function mistakes(text: string): string[] {
  const { config, diagnostics } = loadText(text, 'f.yaml', env);
  if ((config === undefined) !== diagnostics.length > 0) throw new Error('config and diagnostics');
  return diagnostics.map((diagnostic) => formatDiagnostic(diagnostic).replace('f.yaml:', ''));
}

const upstream = (keys: string) => `upstreams:\n  a: {listen: 1, target: "http://a", ${keys} }\n`;
const policies =
  'allowed are listen, prefix, target, targets, profile, preserveHost, earlyHints, tls, resolve, balance, ejection, healthCheck, slowStart, protocol, fallback, idempotency, rateLimit, deadline, bulkhead, retry, hedge, circuitBreaker, timeout, fault and routes';
const duration = 'a duration such as 250ms, 1.5s, 2m or 1h';

const valid = 'upstreams: { a: { listen: 1, target: "http://a" } }\n';
const addressForms = 'must be host:port, [v6]:port, port (on 127.0.0.1) or unix:/path.sock';
const targetForms =
  'must be a URL: http://host:port, https://host:port or http+unix://%2Fpath.sock, each with an optional path';

interface Case {
  readonly name: string;
  readonly text: string;
  readonly expected: readonly string[];
}

const shape: readonly Case[] = [
  {
    name: 'an empty file',
    text: '',
    expected: ['1:1: error: the file is empty; it needs at least `upstreams`'],
  },
  {
    name: 'a file of comments',
    text: '# nothing\n',
    expected: ['1:1: error: the file is empty; it needs at least `upstreams`'],
  },
  {
    name: 'a scalar at the top',
    text: 'upstreams',
    expected: ['1:1: error: must be a mapping, but is "upstreams"'],
  },
  {
    name: 'a list at the top',
    text: '- a\n',
    expected: ['1:1: error: must be a mapping, but is a list'],
  },
  {
    name: 'a second document',
    text: `${valid}---\n${valid}`,
    expected: ['2:1: error: a second document starts here; the file must hold one'],
  },
  {
    name: 'each tab that indents',
    text: 'upstreams:\n\ta: 1\nlog:\n\tlevel: info\n',
    expected: [
      '2:1: error: Tabs are not allowed as indentation',
      '4:1: error: Tabs are not allowed as indentation',
    ],
  },
  {
    name: 'a syntax error without its echoes',
    text: 'admin: { listen: 1\nlog: {}\nserver: {}\n',
    expected: [
      '2:1: error: Flow map in block collection must be sufficiently indented and end with a }',
    ],
  },
  {
    name: 'the same key twice',
    text: `log:\n  level: info\n  level: warn\n${valid}`,
    expected: ['3:3: error: log.level: is written twice, first in line 2; merge the two'],
  },
  {
    name: 'a tag',
    text: `log: !!set { a }\n${valid}`,
    expected: ['1:6: error: Unresolved tag: tag:yaml.org,2002:set'],
  },
  {
    name: 'a mapping as a key',
    text: '? { a: 1 }\n: 2\n',
    expected: ['1:3: error: With stringKeys, all keys must be strings'],
  },
  {
    name: 'an alias without an anchor',
    text: `log: *nothing\n${valid}`,
    expected: [
      '1:6: error: log: there is no anchor of that name before this alias; text that begins with * stands in quotes',
    ],
  },
  {
    name: 'an anchor within itself',
    text: `log: &log { level: *log }\n${valid}`,
    expected: ['1:20: error: log.level: the anchor &log cannot contain itself'],
  },
  {
    name: 'a merge of what is no mapping',
    text: `log: { <<: 5 }\n${valid}`,
    expected: [
      '1:12: error: log.<<: must be a mapping or a list of mappings'.replace('.<<', '["<<"]'),
    ],
  },
  {
    name: 'a mistake behind an anchor once',
    text: 'profiles:\n  p: &p { timeout: { atempt: 1s } }\n  q: *p\n  r: { <<: *p }\n' + valid,
    expected: [
      '2:22: error: profiles.p.timeout.atempt: is an unknown key; did you mean "attempt"? allowed are connect, write, attempt, attemptGrowth, adaptive, idle, total and stream',
    ],
  },
];

const values: readonly Case[] = [
  {
    name: 'no upstreams',
    text: 'log: {}\n',
    expected: ['1:1: error: the key `upstreams` is missing: The services to call, by name'],
  },
  {
    name: 'upstreams without one',
    text: 'upstreams: {}\n',
    expected: ['1:12: error: upstreams: must name at least one, but is empty'],
  },
  {
    name: 'an unknown key at the top',
    text: `lgo: {}\n${valid}`,
    expected: [
      '1:1: error: lgo: is an unknown key; did you mean "log"? allowed are include, admin, server, log, shutdown, limits, overload, stores, tracing, profiles, defaults and upstreams',
    ],
  },
  {
    name: 'a policy at the top',
    text: `retry: {}\n${valid}`,
    expected: [
      '1:1: error: retry: is an unknown key; policies belong in `defaults`, a profile, an upstream or a route; allowed are include, admin, server, log, shutdown, limits, overload, stores, tracing, profiles, defaults and upstreams',
    ],
  },
  {
    name: 'an unknown key that reads like none',
    text: upstream('zzzzzz: 1'),
    expected: [`2:38: error: upstreams.a.zzzzzz: is an unknown key; ${policies}`],
  },
  {
    name: 'a misspelt required key as one mistake',
    text: 'upstreams:\n  a: { lisen: 1, traget: "http://a" }\n',
    expected: [
      `2:8: error: upstreams.a.lisen: is an unknown key; did you mean "listen"? ${policies}`,
      `2:18: error: upstreams.a.traget: is an unknown key; did you mean "target"? ${policies}`,
    ],
  },
  {
    name: 'a missing key at the key of its mapping',
    text: 'upstreams:\n  a:\n    listen: 1\n',
    expected: [
      '2:3: error: upstreams.a: the key `target` is missing: a URL such as http://host:port; several are listed in `targets`',
    ],
  },
  {
    name: 'a bare number for a duration',
    text: upstream('timeout: { attempt: 10 }'),
    expected: [
      `2:58: error: upstreams.a.timeout.attempt: must be ${duration}, or off, but is 10; did you mean "10s" or "10ms"?`,
    ],
  },
  {
    name: 'a bare number for a size',
    text: upstream('retry: { bodyLimit: 64 }'),
    expected: [
      '2:58: error: upstreams.a.retry.bodyLimit: must be a size such as 512B, 64KiB, 1MiB or 1GiB, but is 64; did you mean "64KiB" or "64MiB"?',
    ],
  },
  {
    name: 'a bare number for a share',
    text: upstream('retry: { budget: { ratio: 0.2 } }'),
    expected: [
      '2:64: error: upstreams.a.retry.budget.ratio: must be a share such as 20%, but is 0.2; did you mean "20%" or "0.2%"?',
    ],
  },
  {
    name: 'the unit of another program',
    text: upstream('timeout: { attempt: 10 sec }'),
    expected: [
      `2:58: error: upstreams.a.timeout.attempt: must be ${duration}, or off, but is "10 sec"; did you mean "10s"?`,
    ],
  },
  {
    name: 'a duration that timers cannot hold',
    text: upstream('timeout: { attempt: 1000h }'),
    expected: ['2:58: error: upstreams.a.timeout.attempt: must be at most 596h, but is "1000h"'],
  },
  {
    name: 'a value that was left out',
    text: 'upstreams:\n  a:\n    listen: 1\n    target: "http://a"\n    timeout:\n',
    expected: ['5:13: error: upstreams.a.timeout: must be a mapping, or off, but is nothing'],
  },
  {
    name: 'a number where a mapping is needed',
    text: upstream('timeout: 10'),
    expected: ['2:47: error: upstreams.a.timeout: must be a mapping, or off, but is 10'],
  },
  {
    name: 'a word for off',
    text: upstream('retry: no'),
    expected: [
      '2:45: error: upstreams.a.retry: must be a mapping, or off, but is "no"; did you mean "off"?',
    ],
  },
  {
    name: 'off where it is not allowed',
    text: upstream('retry: { backoff: { baseDelay: off } }'),
    expected: [
      `2:69: error: upstreams.a.retry.backoff.baseDelay: must be ${duration}, but is "off"`,
    ],
  },
  {
    name: 'rates and shares of log lines that are none',
    text: `log: { sample: { errors: 100, ok: 0.01 } }\n${valid}`,
    expected: [
      '1:26: error: log.sample.errors: must be a rate such as 100/s, 30/m or 10/h, but is 100; did you mean "100/s" or "100/m"?',
      '1:35: error: log.sample.ok: must be a share such as 20%, but is 0.01; did you mean "1%" or "0.01%"?',
    ],
  },
  {
    name: 'a rate of nothing, and one of an unknown unit',
    text: `log: { sample: { errors: 0/s } }\nadmin: { rate: 1/s }\n${valid}`,
    expected: [
      '1:26: error: log.sample.errors: must be a rate such as 100/s, 30/m or 10/h, but is "0/s"; it must be above 0',
      '2:10: error: admin.rate: is an unknown key; did you mean `rateLimit.rate` or `rateLimit.perKey.rate` in `defaults`, a profile, an upstream or a route? allowed are listen, metrics and token',
    ],
  },
  {
    name: 'a word out of a few',
    text: `log: { level: ifno, access: true }\n${valid}`,
    expected: [
      '1:15: error: log.level: must be fatal, error, warn, info, debug or trace, but is "ifno"; did you mean "info"?',
      '1:29: error: log.access: must be all, errors or off, but is true',
    ],
  },
  {
    name: 'numbers out of bounds',
    text: upstream(
      'bulkhead: { maxConcurrent: 0, maxQueue: 1.5 }, circuitBreaker: { failureStatuses: [99, a] }',
    ),
    expected: [
      '2:65: error: upstreams.a.bulkhead.maxConcurrent: must be a whole number of at least 1, but is 0',
      '2:78: error: upstreams.a.bulkhead.maxQueue: must be a whole number of at least 0, but is 1.5',
      '2:121: error: upstreams.a.circuitBreaker.failureStatuses[0]: must be a whole number from 100 to 599, but is 99',
      '2:125: error: upstreams.a.circuitBreaker.failureStatuses[1]: must be a whole number from 100 to 599, but is "a"',
    ],
  },
  {
    name: 'a method in small letters',
    text: upstream('retry: { methods: [get] }'),
    expected: [
      '2:57: error: upstreams.a.retry.methods[0]: must be an HTTP method in capitals, such as GET, but is "get"; did you mean "GET"?',
    ],
  },
  {
    name: 'an empty list of secrets',
    text: `stores: { kind: redis, mode: cluster, urls: [] }\n${valid}`,
    expected: ['1:45: error: stores.urls: must be a list that is not empty, but is an empty list'],
  },
  {
    name: 'text for a list of secrets, without showing it',
    text: `stores: { kind: redis, urls: "redis://u:pw@a" }\n${valid}`,
    expected: [
      '1:30: error: stores.urls: must be a list that is not empty, but is text (not shown)',
    ],
  },
  {
    name: 'a secret of the wrong kind, without showing it',
    text: `admin: { token: 12345 }\n${valid}`,
    expected: [
      '1:17: error: admin.token: must be text that is not empty, but is a number (not shown)',
    ],
  },
  {
    name: 'a name that is none',
    text: 'upstreams:\n  "a b": { listen: 1, target: "http://a" }\n',
    expected: [
      '2:3: error: upstreams["a b"]: is not a name; a name has letters, digits, `.`, `_` and `-`, and begins with a letter or digit',
    ],
  },
  {
    name: 'several mistakes of a file in the order of their lines',
    text: 'upstreams:\n  a: 5\nlog: { level: x }\nadmin: 3\n',
    expected: [
      '2:6: error: upstreams.a: must be a mapping, but is 5',
      '3:15: error: log.level: must be fatal, error, warn, info, debug or trace, but is "x"',
      '4:8: error: admin: must be a mapping, but is a number (not shown)',
    ],
  },
];

const environment: readonly Case[] = [
  {
    name: 'a variable that is not set',
    text: `admin: { token: "x\${NOPE}" }\n${valid}`,
    expected: [
      '1:17: error: admin.token: the environment variable NOPE is not set; set it, or write ${NOPE:-default}',
    ],
  },
  {
    name: 'a reference that cannot be read',
    text: 'log: { level: "${1x}" }\nadmin: { token: "${OPEN" }\n' + valid,
    expected: [
      '1:15: error: log.level: cannot read "${1x}"; allowed are ${NAME} and ${NAME:-default}, and $${ for a literal ${',
      '2:17: error: admin.token: cannot read "${OPEN"; allowed are ${NAME} and ${NAME:-default}, and $${ for a literal ${',
    ],
  },
  {
    name: 'a reference between braces without quotes',
    text: `log: { level: \${WORD} }\n${valid}`,
    expected: ['1:16: error: ${...} between braces or brackets needs quotes: "${NAME}"'],
  },
  {
    name: 'a value of the wrong kind as it came',
    text: upstream('bulkhead: { maxConcurrent: "${WORD}" }, timeout: { idle: "${PORT}" }'),
    expected: [
      '2:65: error: upstreams.a.bulkhead.maxConcurrent: must be a whole number of at least 1, but is "abc"',
      `2:95: error: upstreams.a.timeout.idle: must be ${duration}, or off, but is "8101"; did you mean "8101ms" or "8101s"?`,
    ],
  },
];

const meaning: readonly Case[] = [
  {
    name: 'an upstream that no client can reach',
    text: 'upstreams:\n  a: { target: "http://a" }\n',
    expected: [
      '2:3: error: upstreams.a: needs `listen` (an address of its own), `prefix` (a path on the shared listener), or both',
    ],
  },
  ...(
    [
      ['localhost:', '', ''],
      ['70000', 'the port must be from 0 to 65535, but is 70000', ''],
      [':80', '', '; every interface is "0.0.0.0:PORT" or "[::]:PORT"'],
      ['*:80', '', '; every interface is "0.0.0.0:PORT" or "[::]:PORT"'],
      ['::1', '', '; did you mean "[::1]:PORT"?'],
      ['[1]:80', '1 is not an IPv6 address', ''],
      ['a b:80', '', ''],
      ['unix:x.sock', 'the path of a Unix socket must start with /', ''],
    ] as const
  ).map(([written, problem, hint]) => ({
    name: `the address ${written}`,
    text: `upstreams:\n  a: { target: "http://a", listen: "${written}" }\n`,
    expected: [
      `2:36: error: upstreams.a.listen: ${problem === '' ? `${addressForms}, but is "${written}"${hint}` : problem}`,
    ],
  })),
  ...(
    [
      ['a:80', `${targetForms}, but is "a:80"; did you mean "http://a:80"?`],
      ['ftp://a', `${targetForms}, but is "ftp://a"`],
      ['http://', `is not a valid URL: "http://"; ${targetForms}`],
      [
        'http://u:secret@a',
        'must not contain a user name or password; send credentials in a header',
      ],
      ['u:secret@a:80', 'must not contain a user name or password; send credentials in a header'],
      ['http://a?x', 'must not contain a query (?) or a fragment (#)'],
      ['http://a#x', 'must not contain a query (?) or a fragment (#)'],
      ['http://a/b c', 'must not contain white space or a backslash'],
      ['http://a:0', 'nothing can listen on port 0'],
      [
        'http+unix:///run/a.sock',
        'the slashes of the socket\'s path must be written as %2F; did you mean "http+unix://%2Frun%2Fa.sock"?',
      ],
      ['http+unix://run', 'the path of a Unix socket must start with /'],
    ] as const
  ).map(([written, problem]) => ({
    name: `the target ${written}`,
    text: `upstreams:\n  a: { listen: 1, target: "${written}" }\n`,
    expected: [`2:27: error: upstreams.a.target: ${problem}`],
  })),
  ...(
    [
      ['a', 'must start with /'],
      ['/a/', 'must not end in /; write "/a"'],
      ['/a//b', 'must not contain an empty segment (//)'],
      ['/a/../b', 'must not contain the segments . and ..'],
      ['/a/%2e%2e/b', 'must not contain the segments . and ..'],
      ['/a?b', 'must not contain ?, #, a backslash or white space'],
      ['/ä', 'must be percent-encoded: it is compared as it arrives'],
    ] as const
  ).map(([written, problem]) => ({
    name: `the prefix ${written}`,
    text: `upstreams:\n  a: { target: "http://a", prefix: "${written}" }\n`,
    expected: [`2:36: error: upstreams.a.prefix: ${problem}`],
  })),
  ...(
    [
      ['a', 'must start with /'],
      ['/a*', '* can only be the whole last segment, as in /search/*'],
      ['/*/a', '* can only be the whole last segment, as in /search/*'],
      ['/:', '":" is not a segment name; a name is : and letters, digits or _'],
      ['/:id.json', '":id.json" is not a segment name; a name is : and letters, digits or _'],
      ['/a/./b', 'must not contain the segments . and ..'],
    ] as const
  ).map(([written, problem]) => ({
    name: `the route path ${written}`,
    text: upstream(`routes: [{ name: r, match: { path: "${written}" } }]`),
    expected: [`2:73: error: upstreams.a.routes[0].match.path: ${problem}`],
  })),
  {
    name: 'two upstreams on one address',
    text: 'upstreams:\n  a: { target: "http://a", listen: 8101 }\n  b: { target: "http://b", listen: "localhost:8101" }\n  c: { target: "http://c", listen: "0.0.0.0:8101" }\n  d: { target: "http://d", listen: "[::1]:8101" }\n',
    expected: [
      '3:36: error: upstreams.b.listen: localhost:8101 is taken: upstream a (line 2) listens on 127.0.0.1:8101',
      '4:36: error: upstreams.c.listen: 0.0.0.0:8101 is taken: upstream a (line 2) listens on 127.0.0.1:8101',
    ],
  },
  {
    name: "an upstream on the admin's address",
    text: 'upstreams: { a: { target: "http://a", listen: 9900 } }\n',
    expected: [
      '1:47: error: upstreams.a.listen: 127.0.0.1:9900 is taken: admin.listen, by default, listens on 127.0.0.1:9900',
    ],
  },
  {
    name: "an upstream on the address for the admin's metrics",
    text: 'admin: { metrics: 8101 }\nupstreams: { a: { target: "http://a", listen: 8101 } }\n',
    expected: [
      '2:47: error: upstreams.a.listen: 127.0.0.1:8101 is taken: admin.metrics (line 1) listens on 127.0.0.1:8101',
    ],
  },
  {
    name: "one address for all of the admin's endpoints and for its metrics",
    text: 'admin: { listen: 9900, metrics: "0.0.0.0:9900" }\nupstreams: { a: { target: "http://a", listen: 1 } }\n',
    expected: [
      '1:33: error: admin.metrics: 0.0.0.0:9900 is taken: admin.listen (line 1) listens on 127.0.0.1:9900',
    ],
  },
  {
    name: 'an address for metrics that cannot be understood',
    text: 'admin: { metrics: "9900/tcp" }\nupstreams: { a: { target: "http://a", listen: 1 } }\n',
    expected: [
      '1:19: error: admin.metrics: must be host:port, [v6]:port, port (on 127.0.0.1) or unix:/path.sock, but is "9900/tcp"',
    ],
  },
  {
    name: 'an upstream on the shared address, when there is a prefix',
    text: 'upstreams:\n  a: { target: "http://a", listen: 8080 }\n  b: { target: "http://b", prefix: /b }\n',
    expected: [
      '2:36: error: upstreams.a.listen: 127.0.0.1:8080 is taken: server.listen, by default, listens on 127.0.0.1:8080',
    ],
  },
  {
    name: 'two upstreams with one prefix',
    text: 'upstreams:\n  a: { target: "http://a", prefix: /x }\n  b: { target: "http://b", prefix: /x }\n',
    expected: ['3:36: error: upstreams.b.prefix: /x is taken: upstream a (line 2) has it'],
  },
  {
    name: 'a profile that does not exist',
    text: `profiles: { llm: {} }\n${upstream('profile: lm')}`,
    expected: [
      '3:47: error: upstreams.a.profile: no profile is named "lm"; did you mean "llm"? defined are llm',
    ],
  },
  {
    name: 'a profile where none is defined',
    text: upstream('profile: lm'),
    expected: ['2:47: error: upstreams.a.profile: no profile is named "lm"; none is defined'],
  },
  {
    name: 'TLS to a target without',
    text: upstream('tls: { insecureSkipVerify: true }'),
    expected: [
      '2:43: error: upstreams.a.tls: is for https targets only, but the target is http://a',
    ],
  },
  {
    name: 'a TLS file that is not there, and half a pair',
    text: 'upstreams:\n  a: { listen: 1, target: "https://a", tls: { cert: nope.pem } }\n',
    expected: [
      '2:53: error: upstreams.a.tls.cert: cannot read "nope.pem", looked for from the folder of this file: ENOENT',
      '2:53: error: upstreams.a.tls.cert: goes together with `key`, which is missing',
    ],
  },
  {
    name: 'records bounded in a Redis',
    text: `stores: { kind: redis, maxRecordBytes: 1MiB, url: "redis://a" }\n${upstream('')}`,
    expected: [
      '1:24: error: stores.maxRecordBytes: is for `kind: memory` only, but the kind is redis',
    ],
  },
  {
    name: 'a wait for the memory of the process',
    text: `stores: { timeout: 1s }\n${upstream('')}`,
    expected: [
      '1:11: error: stores.timeout: is for `kind: redis` only, but the kind is memory, by default',
    ],
  },
  {
    name: 'no time for a store',
    text: `stores: { kind: redis, url: "redis://a", timeout: 0s }\n${upstream('')}`,
    expected: ['1:51: error: stores.timeout: must be longer than 0: no server responds at once'],
  },
  {
    name: 'a store of one kind with the keys of the other',
    text: `stores: { kind: redis, maxBytes: 1MiB, url: "redis://a" }\n${upstream('')}`,
    expected: ['1:24: error: stores.maxBytes: is for `kind: memory` only, but the kind is redis'],
  },
  {
    name: 'a store with a URL and no kind',
    text: `stores: { url: "redis://a" }\n${upstream('')}`,
    expected: [
      '1:11: error: stores.url: is for `kind: redis` only, but the kind is memory, by default',
    ],
  },
  {
    name: 'a Redis store without its URL',
    text: `stores: { kind: redis }\n${upstream('')}`,
    expected: [
      '1:9: error: stores: the key `url` is missing: kind redis needs redis://host:port or rediss://user:password@host:port/database',
    ],
  },
  {
    name: 'a kind of store that there is not',
    text: `stores: { kind: reddis, url: "redis://a" }\n${upstream('')}`,
    expected: [
      '1:17: error: stores.kind: must be memory or redis, but is "reddis"; did you mean "redis"?',
    ],
  },
  {
    name: 'URLs of no Redis server, without showing them',
    text: `stores: { kind: redis, url: "http://:s3cret@a" }\n${upstream('')}`,
    expected: [
      '1:29: error: stores.url: must begin with redis:// or rediss:// (TLS), but begins with http://',
    ],
  },
  {
    name: 'a password that breaks the URL, without showing it',
    text: `stores: { kind: redis, url: "redis://:s3/#@a:6379" }\n${upstream('')}`,
    expected: [
      '1:29: error: stores.url: must be a URL: redis://host:port or rediss://user:password@host:port/database; special characters of a password are percent-encoded',
    ],
  },
  {
    name: 'a database that is no number',
    text: `stores: { kind: redis, url: "redis://a/main" }\n${upstream('')}`,
    expected: [
      '1:29: error: stores.url: must have the number of a database for a path, such as /0',
    ],
  },
  {
    name: 'url and urls together',
    text: `stores: { kind: redis, url: "redis://a", urls: ["redis://b"] }\n${upstream('')}`,
    expected: [
      '1:42: error: stores.urls: cannot stand beside `url` (line 1); write all URLs in `urls`, or keep only `url`',
    ],
  },
  {
    name: 'several URLs in mode single',
    text: `stores: { kind: redis, urls: ["redis://a", "redis://b"] }\n${upstream('')}`,
    expected: [
      '1:24: error: stores.urls: mode single takes exactly one URL, but here are 2; write `mode: sentinel` where these are sentinels, or `mode: cluster` where they are nodes of a cluster',
    ],
  },
  {
    name: 'an unknown mode',
    text: `stores: { kind: redis, mode: clustre, urls: ["redis://a"] }\n${upstream('')}`,
    expected: [
      '1:30: error: stores.mode: must be single, sentinel or cluster, but is "clustre"; did you mean "cluster"?',
    ],
  },
  {
    name: 'sentinels without the name of the primary',
    text: `stores: { kind: redis, mode: sentinel, urls: ["redis://a"] }\n${upstream('')}`,
    expected: [
      '1:9: error: stores: the key `master` is missing: mode sentinel needs the name that the sentinels have for the primary, such as mymaster',
    ],
  },
  {
    name: 'a name of the primary in another mode',
    text: `stores: { kind: redis, mode: cluster, master: m, urls: ["redis://a"] }\n${upstream('')}`,
    expected: ['1:39: error: stores.master: is for `mode: sentinel` only, but the mode is cluster'],
  },
  {
    name: 'a database in a cluster',
    text: `stores: { kind: redis, mode: cluster, urls: ["redis://a/1"] }\n${upstream('')}`,
    expected: [
      '1:46: error: stores.urls[0]: must be without a database: a cluster has only database 0',
    ],
  },
  {
    name: 'servers that differ, without showing their passwords',
    text: `stores: { kind: redis, mode: cluster, urls: ["redis://:s3cret@a", "rediss://:other@b", "redis://:s3cret@a"] }\n${upstream('')}`,
    expected: [
      '1:67: error: stores.urls[1]: has another scheme, user and password than the first URL (line 1): the servers of one store have the same',
      '1:88: error: stores.urls[2]: a is in the list already',
    ],
  },
  {
    name: 'no URL of sentinels',
    text: `stores: { kind: redis, mode: sentinel, master: m }\n${upstream('')}`,
    expected: [
      '1:9: error: stores: the key `urls` is missing: kind redis needs redis://host:port or rediss://user:password@host:port/database',
    ],
  },
  {
    name: 'a user without a password',
    text: `stores: { kind: redis, url: "redis://a", username: me }\n${upstream('')}`,
    expected: ['1:42: error: stores.username: goes together with `password`, which is missing'],
  },
  {
    name: 'braces in the prefix of keys',
    text: `stores: { kind: redis, url: "redis://a", keyPrefix: "{x}:" }\n${upstream('')}`,
    expected: [
      '1:53: error: stores.keyPrefix: must be without { and }: in a cluster they decide where a key lies, and all keys would lie on one server',
    ],
  },
  {
    name: 'keys of Redis for a store in memory',
    text: `stores: { mode: single, keyPrefix: x }\n${upstream('')}`,
    expected: [
      '1:11: error: stores.mode: is for `kind: redis` only, but the kind is memory, by default',
      '1:25: error: stores.keyPrefix: is for `kind: redis` only, but the kind is memory, by default',
    ],
  },
  {
    name: 'two routes of one name',
    text: upstream('routes: [{ name: r, match: {} }, { name: r, match: {} }]'),
    expected: [
      '2:79: error: upstreams.a.routes[1].name: another route of this upstream is named "r", in line 2',
    ],
  },
];

for (const { name, text, expected } of [...shape, ...values, ...environment, ...meaning]) {
  void t.test(`tells ${name}`, (t) => {
    t.strictSame(mistakes(text), expected);
    t.end();
  });
}

void t.test('finds nothing wrong where addresses cannot collide', (t) => {
  t.strictSame(
    mistakes(
      'upstreams:\n  a: { target: "http://a", listen: 0 }\n  b: { target: "http://b", listen: 0 }\n  c: { target: "http://b", listen: 8080 }\n  d: { target: "http://b", listen: "10.0.0.1:8080" }\n',
    ),
    [],
  );
  t.end();
});

void t.test('bounds what aliases stand for', (t) => {
  let text = 'x0: &x0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n';
  for (let i = 1; i < 9; i++) text += `x${i}: &x${i} [${`*x${i - 1}, `.repeat(10)}]\n`;
  const found = mistakes(text).filter((line) => line.includes('aliases'));
  t.strictSame(found, ['5:45: error: x4[7]: the aliases so far stand for more than 100000 values']);
  t.end();
});

void t.test('bounds how deep a file is nested', (t) => {
  const found = mistakes(`log: ${'['.repeat(500)}${']'.repeat(500)}\n${valid}`);
  t.match(found.join('\n'), /^1:106: error: log\[0\]\[0\]: is nested too deeply$/m);
  t.equal(mistakes('['.repeat(100_000)).length, 1);
  t.end();
});
