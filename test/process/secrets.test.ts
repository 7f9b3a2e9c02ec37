/** A process tells no secret either: of its environment, of its file, or when it ends because of an error. */
import { spawnSync } from 'node:child_process';
import t from 'tap';
import { startProxy } from '../support/proxy-process.js';
import { node, pathOf } from '../support/program.js';
import { leaks, secret } from '../support/secrets.js';
import { eventually, findFreePort, NO_PORT } from '../support/sidecar.js';

const sentinels = [1, 2]
  .map((i) => `"redis://watcher:${secret('sentinel')}@127.0.0.${i}:${NO_PORT}"`)
  .join(', ');

/** Throws an error that has a secret in a field of its own, when it is told to. */
const preload = `--import=data:text/javascript,${encodeURIComponent(
  "process.on('SIGUSR2', () => new URL('redis://u:' + process.env.REDIS_PASSWORD + '/@a'))",
)}`;

t.test(
  'tells no secret of its environment, of its store, or of an error that ends it',
  async (t) => {
    const [admin, listen] = [await findFreePort(), await findFreePort()];
    const yaml = `admin: { listen: ${admin}, token: "\${ADMIN_TOKEN}" }
log: { level: trace, access: all }
stores: { kind: redis, mode: sentinel, master: m, urls: [${sentinels}], username: app, password: "\${REDIS_PASSWORD}" }
upstreams:
  a: { listen: ${listen}, target: "http://127.0.0.1:${NO_PORT}", idempotency: { methods: [POST], failClosed: true } }
`;
    const proxy = startProxy(t, yaml, preload, {
      ADMIN_TOKEN: secret('token'),
      REDIS_PASSWORD: secret('redis'),
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://u:${secret('otel')}@127.0.0.1:${NO_PORT}?key=${secret('otel-query')}`,
      OTEL_EXPORTER_OTLP_HEADERS: `x-key=${secret('otel-header')},content-type=${secret('refused')}`,
      OTEL_EXPORTER_OTLP_TIMEOUT: secret('timeout'),
      OTEL_TRACES_SAMPLER: secret('sampler'),
    });
    await eventually('it is ready', () => proxy.output().includes('breakwater: ready'), 40_000);
    const told: Record<string, string> = {};
    const headers = {
      'Idempotency-Key': secret('key'),
      traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
    };
    const refused = await fetch(`http://127.0.0.1:${listen}/`, { method: 'POST', headers });
    told['refused'] = await refused.text();
    t.match(told['refused'], /store/);
    for (const path of ['/config', '/upstreams', '/upstreams/a', '/explain/a', '/metrics']) {
      told[path] = await (await fetch(`http://127.0.0.1:${admin}${path}`)).text();
    }
    t.match(told['/config'], /"x-key":"\*\*\*"/);
    for (const format of ['text', 'json']) {
      const address = `http://me:${secret('admin')}@127.0.0.1:`;
      for (const port of [admin, NO_PORT]) {
        const options = ['--once', '--format', format, '--admin', address + port];
        const [command, args] = node(pathOf('main.js'), 'top', ...options);
        const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
        told[`top ${format} ${port}`] = stdout + stderr;
      }
    }
    t.match(told[`top text ${NO_PORT}`], /Cannot read the admin server at http:\/\/127/);
    proxy.edit(yaml.replace('app, password:', 'app, pasword:'));
    proxy.process.kill('SIGHUP');
    await eventually(
      'it has read the file',
      () => proxy.output().includes('Cannot reload'),
      40_000,
    );
    await eventually(
      'it misses its collector',
      () => proxy.output().includes('Cannot send'),
      40_000,
    );
    proxy.process.kill('SIGUSR2');
    t.equal(await proxy.exit, 1);
    told['output'] = proxy.output();
    told['errors'] = proxy.errors();
    t.match(told['output'], /"level":"fatal".*Invalid URL/);
    t.match(told['output'], /Cannot use the redis store because 127\.0\.0\.1:1: /);
    t.same(leaks(told), []);
  },
);
