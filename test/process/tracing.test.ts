import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startCollector } from '../support/otlp.js';
import { startProxy } from '../support/proxy-process.js';
import { eventually, send, startUpstream } from '../support/sidecar.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const headers = { traceparent: `00-${TRACE}-b7ad6b7169203331-01` };

/** A proxy that is ready. @param tracing lines of its file. */
async function open(
  t: Test,
  tracing: string,
  variables: Readonly<Record<string, string>> = {},
  nodeOptions?: string,
) {
  const upstream = await startUpstream(t, (_request, response) => void response.end('here'));
  const yaml = `${tracing}\nadmin: { listen: 0 }\nupstreams: { a: { listen: 0, target: "${upstream.url}" } }`;
  const proxy = startProxy(t, yaml, nodeOptions, variables);
  await eventually('it is ready', () => proxy.output().includes('breakwater: ready'));
  const [, address] = /a listens on (\S+)/.exec(proxy.output())!;
  return { upstream, proxy, url: `http://${address}/` };
}

t.test('variables of the environment alone switch it on', async (t) => {
  const collector = await startCollector(t);
  const { proxy, url } = await open(t, '', {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_HEADERS: 'x-api-key=s3cret%21',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
    OTEL_SERVICE_NAME: 'checkout',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
  });
  await send(url);
  await send(url, { headers });
  proxy.process.kill('SIGTERM');
  t.equal(await proxy.exit, 0);
  t.equal(collector.spans.length, 2, 'only the call whose caller records it; sent before the exit');
  for (const { traceId, resource } of collector.spans) {
    t.equal(traceId, TRACE);
    t.match(resource, { 'service.name': 'checkout', 'deployment.environment.name': 'test' });
  }
  t.equal(collector.requests[0]!.headers['x-api-key'], 's3cret!');
  t.match(proxy.output(), /"level":"warn".*OTEL_EXPORTER_OTLP_PROTOCOL is ignored because/);
  t.notMatch(proxy.output(), 's3cret');
});

t.test('an endpoint in the environment that cannot be used is told', async (t) => {
  const { proxy } = await open(t, '', { OTEL_EXPORTER_OTLP_ENDPOINT: 'localhost:4318' });
  const told = /"level":"warn".*OTEL_EXPORTER_OTLP_ENDPOINT is ignored because it is not a URL/g;
  await eventually('it is told', () => told.test(proxy.output()));
  t.equal(proxy.output().match(told)?.length, 1);
});

t.test('a collector that is away holds up the exit for a second at most', async (t) => {
  const { url: silent } = await startCollector(t, () => {});
  const { proxy, url } = await open(t, `tracing: { endpoint: "${silent}" }`);
  for (let i = 0; i < 100; i++) await send(url, { headers });
  const startMs = performance.now();
  proxy.process.kill('SIGTERM');
  t.equal(await proxy.exit, 0);
  const tookMs = performance.now() - startMs;
  t.ok(tookMs < 8000, `${tookMs} ms`);
});

t.test('what it needs is loaded only where it is on', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'breakwater-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const list = join(folder, 'list.cjs');
  const loaded = join(folder, 'loaded.json');
  writeFileSync(
    list,
    `process.on('exit', () => require('node:fs').writeFileSync(${JSON.stringify(loaded)}, JSON.stringify(Object.keys(require.cache))));`,
  );
  for (const [tracing, isOn] of [
    ['', false],
    ['tracing: { endpoint: "http://127.0.0.1:1" }', true],
  ] as const) {
    const { proxy, url } = await open(t, tracing, {}, `--require=${list}`);
    await send(url, { headers });
    proxy.process.kill('SIGTERM');
    await proxy.exit;
    const modules = JSON.parse(readFileSync(loaded, 'utf8')) as string[];
    const found = modules.some((path) => path.includes('@opentelemetry/otlp-transformer'));
    t.equal(found, isOn, tracing);
  }
});
