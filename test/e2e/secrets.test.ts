/** Secrets are planted everywhere, and looked for in all that Breakwater tells. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { check } from '../../src/cli/check.js';
import { explain } from '../../src/cli/explain.js';
import { makeCertificate } from '../support/certificate.js';
import { startRedis, withoutRedis } from '../support/redis.js';
import { NO_PORT, send, startSidecar, startUpstream } from '../support/sidecar.js';

/** Each secret has it in its text. */
const MARK = 'S3CRET';

const secret = (name: string) => `${MARK}-${name}`;

/** What tells a secret, in one line each. */
const leaks = (texts: Readonly<Record<string, string>>) =>
  Object.entries(texts).flatMap(([where, text]) =>
    text
      .split('\n')
      .filter((line) => line.includes(MARK) || line.includes('PRIVATE KEY'))
      .map((line) => `${where}: ${line.slice(0, 300)}`),
  );

const paths = [
  '/',
  '/config',
  '/circuits',
  '/endpoints',
  '/events',
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
    const yaml = `admin: { listen: "127.0.0.1:0", token: ${secret('token')} }
log: { level: trace, access: all }
tracing: { endpoint: "http://127.0.0.1:${NO_PORT}", sample: 100%, headers: { X-Key: ${secret('collector')} } }
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
    const answers: string[] = [];
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
          if (status !== 500) answers.push(text);
        }
      }
    }
    const wrongToken = { Authorization: `Bearer ${secret('wrong-token')}` };
    const refused = await fetch(`${sidecar.admin}/reload`, { method: 'POST', headers: wrongToken });
    t.equal(refused.status, 401);
    const told: Record<string, string> = {
      refused: await refused.text(),
      answers: answers.join('\n'),
    };
    for (const path of paths) told[path] = await read(sidecar.admin + path);
    for (const query of ['?format=openmetrics', ''])
      told[`/metrics${query}`] = await read(`${sidecar.admin}/metrics${query}`);
    sidecar.edit(yaml.replace('maxAttempts: 2', 'maxAttempts: 0'));
    told['reload'] = JSON.stringify(await sidecar.reload());
    told['log'] = sidecar.logs.map((line) => JSON.stringify(line)).join('\n');
    t.same(leaks(told), []);
    t.match(told['/config'], /"token":"\*\*\*"/, 'it is there, without its value');
    t.ok(told['log'].includes('/path'), 'calls are in the log');
    t.match(told['log'], /Cannot use the redis store because 127\.0\.0\.1/);
  });
}

t.test('no command shows a secret of a file, right or wrong', async (t) => {
  const upstreams = 'upstreams: { a: { listen: 1, target: "http://a" } }\n';
  const files: Record<string, string> = {
    'good.yaml': `admin: { token: ${secret('t')} }\nstores: { kind: redis, url: "redis://u:${secret('p')}@a" }\n${upstreams}`,
    'scheme.yaml': `stores: { kind: redis, url: "http://u:${secret('p')}@a" }\n${upstreams}`,
    'broken.yaml': `stores: { kind: redis, url: "redis://u:${secret('p')}/#@a" }\n${upstreams}`,
    'no-list.yaml': `stores: { kind: redis, urls: "redis://u:${secret('p')}@a" }\n${upstreams}`,
    'no-mapping.yaml': `stores: "redis://u:${secret('p')}@a"\n${upstreams}`,
    'mixed.yaml': `stores: { kind: redis, mode: cluster, urls: ["redis://u:${secret('p')}@a", "redis://u:${secret('q')}@b"] }\n${upstreams}`,
    'number.yaml': `admin: { token: [${secret('t')}] }\nstores: { kind: redis, url: "redis://a", password: [${secret('p')}] }\n${upstreams}`,
    'tracing.yaml': `tracing: { endpoint: "http://u:${secret('p')}@a", headers: { X-Key: [${secret('h')}] } }\n${upstreams}`,
    'target.yaml': `upstreams: { a: { listen: 1, target: "http://u:${secret('p')}@a" } }\n`,
    'variable.yaml': `admin: { token: "\${TOKEN}" }\n${upstreams}`,
  };
  const folder = t.testdir();
  let [stdout, stderr] = ['', ''];
  const output = {
    env: { TOKEN: secret('variable') },
    stdout: { write: (text: string) => (stdout += text) },
    stderr: { write: (text: string) => (stderr += text) },
  };
  for (const [name, text] of Object.entries(files)) {
    const file = join(folder, name);
    writeFileSync(file, text);
    for (const format of ['text', 'json', 'github', 'sarif'] as const) {
      check([file], { strict: true, format, allowUnset: false }, output);
    }
    explain(file, { upstream: 'a' }, output);
  }
  t.match(stderr, /scheme\.yaml/);
  t.same(leaks({ stdout, stderr }), []);
});
