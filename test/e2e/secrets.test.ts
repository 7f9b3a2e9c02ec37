/** Secrets are planted everywhere, and looked for in all that Breakwater tells. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { check } from '../../src/cli/check.js';
import { explain } from '../../src/cli/explain.js';
import { importForeign, type SystemName } from '../../src/cli/import.js';
import { simulate } from '../../src/cli/simulate.js';
import { test } from '../../src/cli/test.js';
import { makeCertificate } from '../support/certificate.js';
import { startCollector } from '../support/otlp.js';
import { startRedis, withoutRedis } from '../support/redis.js';
import { leaks, secret } from '../support/secrets.js';
import { eventually, NO_PORT, send, startSidecar, startUpstream } from '../support/sidecar.js';

const paths = [
  '/',
  '/config',
  '/circuits',
  '/endpoints',
  '/events',
  '/faults',
  '/healthz',
  '/metrics',
  '/readyz',
  '/upstreams',
  '/upstreams/plain',
  '/explain/plain',
  '/explain/tls',
];

/** What there is after a while: a stream of events has no end. */
async function read(url: string): Promise<string> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), 300);
  let text = '';
  try {
    const response = await fetch(url, { signal: abort.signal });
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) text += chunk;
  } catch {
    // It was cut off.
  } finally {
    clearTimeout(timer);
  }
  return text;
}

for (const [what, isThere] of [
  ['a store that refuses the password', true],
  ['a store that is not there', false],
] as const) {
  t.test(`tells no secret, with ${what}`, { skip: isThere && withoutRedis }, async (t) => {
    const { key, cert } = makeCertificate(t);
    const folder = t.testdir({ 'key.pem': key, 'cert.pem': cert });
    const upstream = await startUpstream(t, (_request, response) => {
      response.writeHead(500, { 'Set-Cookie': secret('cookie-of-upstream') }).end(secret('body'));
    });
    const port = isThere ? (await startRedis(t, '--requirepass', 'other')).port : NO_PORT;
    const store = `redis://me:${secret('url')}@127.0.0.1:${port}`;
    const collector = await startCollector(t);
    const yaml = `admin: { listen: "127.0.0.1:0", token: ${secret('token')} }
log: { level: trace, access: all }
tracing: { endpoint: "${isThere ? collector.url : `http://127.0.0.1:${NO_PORT}`}", sample: 100%, headers: { X-Key: ${secret('collector')} } }
stores: { kind: redis, urls: ["${store}"], username: me, password: "${secret('password')}" }
upstreams:
  plain:
    listen: 0
    target: "${upstream.url}"
    retry: { maxAttempts: 2 }
    idempotency: { methods: [POST] }
    circuitBreaker: { shared: true, failureThreshold: 3 }
    rateLimit: { shared: true, perKey: { header: X-Api-Key, rate: 5/s } }
    fallback: [{ cache: { ttl: 1m } }]
  tls:
    listen: 0
    target: "https://127.0.0.1:${NO_PORT}"
    tls: { cert: ${folder}/cert.pem, key: ${folder}/key.pem }
`;
    const sidecar = await startSidecar(t, yaml);
    const responses: string[] = [];
    for (const name of ['plain', 'tls']) {
      for (const method of ['GET', 'POST']) {
        const headers = {
          Authorization: `Bearer ${secret('authorization')}`,
          Cookie: `session=${secret('cookie')}`,
          'Idempotency-Key': secret('key'),
          'X-Api-Key': secret('api-key'),
          'Proxy-Authorization': secret('proxy'),
        };
        const url = `${sidecar.url(name)}/path?token=${secret('query')}`;
        for (let i = 0; i < 4; i++) {
          const { status, text } = await send(url, { method, headers, body: secret('request') });
          if (status !== 500) responses.push(text);
        }
      }
    }
    const wrongToken = { Authorization: `Bearer ${secret('wrong-token')}` };
    const refused = await fetch(`${sidecar.admin}/reload`, { method: 'POST', headers: wrongToken });
    t.equal(refused.status, 401);
    const told: Record<string, string> = {
      refused: await refused.text(),
      responses: responses.join('\n'),
    };
    // Each order is refused: with the right token and a body that is no order, and for what is not there.
    const token = { Authorization: `Bearer ${secret('token')}` };
    for (const [method, path, body] of [
      ['POST', '/reload?x', '{"no":'],
      ['PUT', '/circuits/plain', '{"state":"ajar"}'],
      ['PUT', '/circuits/other', '{"state":"auto"}'],
      ['PUT', '/endpoints/plain/10.0.0.1:1', '{"state":"drained"}'],
      ['PUT', '/faults/plain', '{"fault":{"abort":{"status":1}},"ttl":"1m"}'],
      ['DELETE', '/config', ''],
      ['PUT', '/nothing', ''],
    ] as const) {
      const response = await fetch(sidecar.admin + path, { method, headers: token, body });
      told[`${method} ${path}`] = `${response.status} ${await response.text()}`;
    }
    for (const path of paths) told[path] = await read(sidecar.admin + path);
    for (const query of ['?format=openmetrics', ''])
      told[`/metrics${query}`] = await read(`${sidecar.admin}/metrics${query}`);
    sidecar.edit(yaml.replace('maxAttempts: 2', 'maxAttempts: 0'));
    told['reload'] = JSON.stringify(await sidecar.reload());
    told['log'] = sidecar.logs.map((line) => JSON.stringify(line)).join('\n');
    if (isThere) {
      await eventually('spans have come', () => collector.spans.length > 0);
      t.equal(
        collector.requests[0]!.headers['x-key'],
        secret('collector'),
        'the collector gets it',
      );
      told['spans'] = JSON.stringify(collector.spans, undefined, 1);
      t.match(told['spans'], /token=REDACTED/, 'the query is there, without the value');
    }
    t.same(leaks(told), []);
    t.match(told['/config'], /"token":"\*\*\*"/, 'it is there, without its value');
    t.ok(told['log'].includes('/path'), 'calls are in the log');
    t.match(told['log'], /Cannot use the redis store because 127\.0\.0\.1/);
  });
}

const target = (url: string) => `upstreams: { a: { listen: 1, target: "${url}" } }\n`;

t.test('no command shows a secret of a file, right or wrong', async (t) => {
  const upstreams = 'upstreams: { a: { listen: 1, target: "http://a" } }\n';
  const redis = (keys: string) => `stores: { kind: redis, ${keys} }\n${upstreams}`;
  const [p, q] = [secret('p'), secret('q')];
  const pem = `-----BEGIN PRIVATE KEY-----${secret('pem')}`;
  const files: Record<string, string> = {
    'good.yaml': `admin: { token: ${secret('t')} }\nstores: { kind: redis, url: "redis://u:${p}@a" }\n${upstreams}`,
    'scheme.yaml': redis(`url: "http://u:${p}@a"`),
    'broken.yaml': redis(`url: "redis://u:${p}/#@a"`),
    'no-list.yaml': redis(`urls: "redis://u:${p}@a"`),
    'no-mapping.yaml': `stores: "redis://u:${p}@a"\n${upstreams}`,
    'mixed.yaml': redis(`mode: cluster, urls: ["redis://u:${p}@a", "redis://u:${q}@b"]`),
    'sentinels.yaml': redis(
      `mode: sentinel, master: m, username: u, password: "${secret('s')}", urls: ["redis://u:${p}@a/x", "redis://u:${q}@a:1/#", "redis://u:${p}@a"]`,
    ),
    'kind.yaml': `stores: { kind: "redis://u:${p}/x@a" }\n${upstreams}`,
    'user.yaml': redis(`url: "redis://a", username: ${secret('u')}`),
    'number.yaml': `admin: { token: [${secret('t')}] }\nstores: { kind: redis, url: "redis://a", password: [${p}] }\n${upstreams}`,
    'section.yaml': `admin: ${secret('t')}\n${upstreams}`,
    'alias.yaml': `admin: { token: *${secret('t')} }\n${upstreams}`,
    'tracing.yaml': `tracing: { endpoint: "http://u:${p}@a", headers: { X-Key: [${secret('h')}] } }\n${upstreams}`,
    'collector.yaml': `tracing: { endpoint: "http://u:${p}/x@a", headers: "X-Key: ${secret('h')}" }\n${upstreams}`,
    'address.yaml': `tracing: { endpoint: "u:${p}@a:4318", headers: { X-Key: "${secret('h')}\\n" } }\n${upstreams}`,
    'target.yaml': target(`http://u:${p}@a`),
    'slash.yaml': target(`http://u:${p}/x@a`),
    'query.yaml': target(`http://a?token=${p}`),
    'targets.yaml': `upstreams: { a: { listen: 1, targets: ["u:${p}@a", "https://u:${q}/@b"] } }\n`,
    'pem.yaml': `upstreams: { a: { listen: 1, target: "https://a", tls: { cert: "${pem}", key: "${pem}" } } }\n`,
    'variable.yaml': `admin: { token: "\${TOKEN}" }\n${upstreams}`,
  };
  const folder = t.testdir();
  const told: Record<string, string> = {};
  for (const [name, text] of Object.entries(files)) {
    const file = join(folder, name);
    writeFileSync(file, text);
    told[name] = '';
    const note = { write: (text: string) => (told[name] += text) };
    const output = { env: { TOKEN: secret('variable') }, stdout: note, stderr: note };
    for (const format of ['text', 'json', 'github', 'sarif'] as const) {
      check([file], { strict: true, format, allowUnset: false }, output);
    }
    explain(file, { upstream: 'a' }, output);
    const scenario = {
      scenario: 'outage',
      format: 'text',
      seed: '1',
      rps: '1',
      seconds: '1',
    } as const;
    await simulate(file, { upstream: 'a', ...scenario }, output);
    const cases = join(folder, `tests-of-${name}`);
    writeFileSync(
      cases,
      `config: ${name}\ncases: [{ name: works, then: { status: 201, headers: { Server: ${name} } } }]\n`,
    );
    await test([cases], output);
    t.match(told[name], name === 'good.yaml' ? /: OK/ : /./, name);
  }
  t.match(told['scheme.yaml'], /must begin with redis/);
  t.match(told['pem.yaml'], /must be the name of a file, but is PEM text/);
  t.same(leaks(told), []);
});

const header = (name: string, value: string) => `{ header: { key: ${name}, value: ${value} } }`;

t.test('an import repeats no secret in its comments', async (t) => {
  const sources: Record<SystemName, string> = {
    dapr: `kind: Resiliency
spec:
  policies: { retries: { r: { maxRetries: 3, token: ${secret('a')}, accessKey: ${secret('b')} } } }
  targets: { apps: { shop: { retry: r } } }
---
kind: HTTPEndpoint
metadata: { name: e }
spec:
  baseUrl: "http://u:${secret('c')}@host:80/x"
  headers: [{ name: Authorization, value: ${secret('d')} }, { name: X-Key, value: ${secret('e')} }]
  clientTLS: { privateKey: { value: ${secret('f')} } }
`,
    envoy: `static_resources:
  listeners:
  - filter_chains:
    - filters:
      - typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          http_filters:
          - name: oauth
            typed_config: { hmac_secret: ${secret('a')}, accessToken: ${secret('b')}, passphrase: ${secret('c')}, uri: "http://u:${secret('d')}@a" }
          - name: lua
            typed_config: { inline_code: ${secret('e')}, credentials: { user: ${secret('f')} } }
          route_config:
            virtual_hosts:
            - domains: ["*"]
              request_headers_to_add: [${header('Authorization', secret('g'))}, ${header('X-Access-Key', secret('h'))}]
              routes:
              - match: { prefix: /, headers: [{ name: authorization, string_match: { exact: ${secret('i')} } }, { name: x-token, exact_match: ${secret('j')} }] }
                route: { cluster: c }
  clusters:
  - name: c
    health_checks: [{ http_health_check: { path: /h, request_headers_to_add: [${header('Cookie', secret('k'))}] } }]
    transport_socket: { typed_config: { common_tls_context: { tls_certificates: [{ private_key: { inline_string: ${secret('l')} }, password: { inline_bytes: ${secret('m')} } }] } } }
`,
    resilience4j: `spring: { datasource: { password: ${secret('a')} } }
resilience4j:
  retry: { instances: { a: { maxAttempts: 3, secretKey: ${secret('b')}, place: "http://u:${secret('c')}@h" } } }
`,
  };
  const told: Record<string, string> = {};
  for (const [system, text] of Object.entries(sources)) {
    told[system] = '';
    const note = { write: (text: string) => (told[system] += text) };
    const stdin = () => Buffer.from(text);
    importForeign(system as SystemName, ['-'], { env: {}, stdout: note, stderr: note, stdin });
    t.match(told[system], /\*\*\*/, system);
  }
  t.same(leaks(told), []);
});
