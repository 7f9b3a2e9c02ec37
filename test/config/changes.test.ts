/** What a reload says of values that are not shown: secrets, and the contents of files. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { compareConfigs } from '../../src/config/changes.js';
import { loadConfig } from '../../src/config/load.js';

/** Enough for what reads no further than the first line. */
const CA = '-----BEGIN CERTIFICATE-----';

const yaml = `admin: { token: "\${TOKEN:-a}" }
stores: { kind: redis, url: "redis://:\${PASSWORD:-a}@\${HOST:-127.0.0.1}:1" }
tracing: { endpoint: "http://127.0.0.1:4318", headers: { authorization: "\${KEY:-a}", x: y } }
profiles: { slow: { timeout: { adaptive: { max: 9s } } } }
upstreams:
  a:
    listen: 1
    target: "https://a"
    profile: slow
    tls: { ca: ca.pem }
    rateLimit: { perKey: { header: X-User } }
    fallback: [{ static: { bodyFile: page.html } }]
    routes: [{ name: r, match: { path: "/r/*" }, retry: { statuses: [503] } }]
  b: { listen: 2, target: "http://b", idempotency: on, hedge: on }
`;

/** A folder with a configuration, and how what is there now differs from what was there first. */
function prepare(t: Test, text = yaml) {
  const folder = t.testdir({ 'ca.pem': CA, 'page.html': 'one', 'f.yaml': text });
  const load = (env: Record<string, string>) => {
    const { config, diagnostics } = loadConfig(join(folder, 'f.yaml'), env);
    if (config === undefined) throw new Error(JSON.stringify(diagnostics));
    return config;
  };
  const first = load({});
  return {
    write: (name: string, content: string) => writeFileSync(join(folder, name), content),
    changes: (env: Record<string, string> = {}) => compareConfigs(first, load(env)),
  };
}

t.test('says nothing where nothing is different', async (t) => {
  t.strictSame(prepare(t).changes(), { added: [], removed: [], changed: [] });
});

t.test('names a secret that is different, without its value', async (t) => {
  const { changes } = prepare(t);
  t.strictSame(changes({ TOKEN: 'b' }).changed, ['admin.token']);
  t.strictSame(changes({ PASSWORD: 'b' }).changed, ['stores.url']);
  t.strictSame(changes({ KEY: 'b' }).changed, ['tracing.headers.authorization']);
  const urls = yaml.replace(/url: (".*?")/, 'urls: [$1], password: "${SECRET:-a}"');
  const listed = prepare(t, urls);
  t.strictSame(listed.changes({ PASSWORD: 'b' }).changed, ['stores.urls']);
  t.strictSame(listed.changes({ SECRET: 'b' }).changed, ['stores.password']);
});

t.test('names the key of a file whose content is different', async (t) => {
  const { changes, write } = prepare(t);
  write('ca.pem', `${CA}\n`);
  t.strictSame(changes().changed, ['upstreams.a.tls.ca']);
  write('page.html', 'two');
  t.strictSame(changes().changed, [
    'upstreams.a.tls.ca',
    'upstreams.a.fallback',
    'upstreams.a.routes',
  ]);
});

t.test('names nothing twice', async (t) => {
  const { changes, write } = prepare(t);
  t.strictSame(changes({ HOST: '127.0.0.2', PASSWORD: 'b' }).changed, ['stores.url']);
  write('f.yaml', yaml.replace('max: 9s', 'max: 8s'));
  t.strictSame(changes().changed, ['upstreams.a.timeout.adaptive.max', 'upstreams.a.routes']);
  write('f.yaml', yaml.replace(/tracing: .*/, 'tracing: off'));
  t.strictSame(changes().changed, ['tracing']);
  write('f.yaml', yaml.replace(/admin: .*/, ''));
  t.strictSame(changes(), { added: [], removed: ['admin.token'], changed: [] });
  write('f.yaml', yaml.replace(/stores: .*/, ''));
  t.strictSame(changes().changed, ['stores.kind']);
});
