/** The configuration file: any text is a configuration, or has errors with positions. What is taken can be written and taken again. */
import assert from 'node:assert/strict';
import { checkText } from '../../../src/config/check.js';
import type { Config } from '../../../src/config/config.js';
import { explainUpstream } from '../../../src/config/explain.js';
import type { Loaded } from '../../../src/config/load.js';
import { isReadAlike } from '../../support/simple-yaml.js';
import type { Target } from '../target.js';

const FILE = 'fuzz.yaml';
const ENVIRONMENT = { PORT: '8101', NAME: 'a', EMPTY: '' };

/** No other file is there. */
const files = {
  read(): never {
    throw Object.assign(new Error('there is no file'), { code: 'ENOENT' });
  },
  list: () => [],
};

const check = (text: string): Loaded => checkText(text, FILE, ENVIRONMENT, { files });

function checkPositions(text: string, { diagnostics }: Loaded): void {
  // A carriage return alone ends no line, as in most editors.
  const lines = text.split('\n');
  for (const { line, column, message, level, rule } of diagnostics) {
    assert.ok(
      line >= 1 && line <= Math.max(1, lines.length),
      `${rule}: line ${line} of ${lines.length}`,
    );
    assert.ok(
      column >= 1 && column <= (lines[line - 1] ?? '').length + 2,
      `${rule}: column ${column} of line ${line}`,
    );
    assert.notEqual(message, '');
    assert.match(level, /^(?:error|warning|info)$/);
  }
}

/** A document shows no secrets, and names profiles whose keys it has laid over those of the upstream already. */
function readable(shown: Config['document']): unknown {
  const document = JSON.parse(JSON.stringify(shown)) as {
    admin: { token?: string };
    upstreams: Record<string, { profile?: string }>;
  };
  for (const upstream of Object.values(document.upstreams)) delete upstream.profile;
  return document;
}

function checkWritten({ config }: Loaded): void {
  const { document } = config!;
  const written = JSON.stringify(readable(document)).replaceAll('${', '$${');
  const again = check(written);
  const errors = again.diagnostics.filter(({ level }) => level === 'error');
  assert.deepEqual(errors, [], written);
  assert.deepEqual(readable(again.config!.document), readable(document));
}

export const configuration: Target = {
  name: 'configuration',
  property:
    'A text is taken as a configuration, or has errors that each have a position in it and a message; what is taken is linted, explained, and written as a document that is taken again and says the same. What is read without the YAML parser, the parser reads in the same way.',
  seeds: [
    'upstreams: { a: { listen: 8101, target: "http://b:80" } }',
    `admin: { listen: "127.0.0.1:9900", token: t }
defaults: { retry: { maxAttempts: 4, budget: { ratio: 10% } } }
profiles: { slow: { timeout: { attempt: 60s, total: off } } }
upstreams:
  a:
    listen: "127.0.0.1:\${PORT:-8101}"
    targets: ["http://b:80", { url: "http://c:80", weight: 2 }]
    profile: slow
    balance: { strategy: hash, key: { header: X-User } }
    healthCheck: { path: /healthz }
    routes:
      - name: r
        match: { methods: [GET], path: "/x/*" }
        timeout: { attempt: 1s }
        bulkhead: { maxConcurrent: 3, maxQueue: 0 }
`,
    `stores: { kind: redis, url: "redis://u:p@127.0.0.1:6379/1", keyPrefix: "k:" }
log: { level: info, access: all, sample: { ok: 10% } }
limits: { maxRequestBody: 1MiB, bodyIdle: 5s }
overload: { eventLoopDelay: 50ms, memory: 80% }
tracing: { endpoint: "http://127.0.0.1:4318", sample: 5%, headers: { X-Key: k } }
upstreams:
  \${NAME}: { prefix: /a, target: "https://b" }
  c:
    prefix: /c
    target: "http+unix://%2Frun%2Fc.sock"
    circuitBreaker: { slowCall: { duration: 800ms, threshold: 60% }, mode: shadow }
    idempotency: { failClosed: true, wait: 5s }
    rateLimit: { rate: 100/s, perKey: { header: X-Api-Key, rate: 10/s }, shared: true }
    hedge: { after: 50ms, percentile: 98 }
    fallback: [ { cache: { ttl: 5m } }, { static: { body: "[]", headers: { a: b } } } ]
    fault: { abort: { share: 1%, status: 503 } }
`,
    'x: &a { listen: 1 }\nupstreams:\n  a:\n    <<: *a\n    target: http://b # lint-ignore\n',
    'include: [a.yaml, "conf.d/*.yaml"]\n',
  ],
  words: [
    'upstreams:',
    'defaults:',
    'profiles:',
    'routes:',
    'target: ',
    'targets: ',
    'listen: ',
    'retry: ',
    'timeout: ',
    'bulkhead: ',
    'circuitBreaker: ',
    'fallback: ',
    'hedge: ',
    'rateLimit: ',
    'healthCheck: ',
    'balance: ',
    'stores: ',
    'off',
    'on',
    'true',
    'null',
    '~',
    '!!binary ',
    '!!set ',
    '&x ',
    '*x',
    '<<: ',
    '- ',
    '? ',
    ': ',
    '| ',
    '>-\n',
    '---\n',
    '...\n',
    '%YAML 1.2\n',
    '# ',
    '${PORT}',
    '${',
    '$${',
    '${NONE}',
    '${EMPTY:-1}',
    '1s',
    '0s',
    '5%',
    '1KiB',
    '100/s',
    '1e400',
    '.inf',
    '.nan',
    '0x1F',
    '-1',
    '"',
    "'",
    '\\u0000',
    '\ufeff',
    '__proto__',
    'constructor',
    '\t',
    '\r\n',
    '  ',
  ],
  longest: 1500,
  check(input) {
    // Bytes that are no UTF-8 are refused before the text is read.
    const text = input.toString('utf8');
    isReadAlike(text, ENVIRONMENT);
    const loaded = check(text);
    checkPositions(text, loaded);
    const hasErrors = loaded.diagnostics.some(({ level }) => level === 'error');
    assert.equal(loaded.config === undefined, hasErrors);
    if (loaded.config === undefined) return;
    for (const { name, routes } of loaded.config.upstreams) {
      for (const asked of [undefined, 'GET /x/y', `${routes.length} /`]) {
        const explained = explainUpstream(loaded.config, loaded.effective!, name, asked);
        assert.ok('text' in explained ? explained.text !== '' : explained.problem !== '');
      }
    }
    checkWritten(loaded);
  },
};
