/** The files that the image and Compose are made of fit each other and the program. */
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { parse } from 'yaml';
import { formatAddress } from '../../src/config/config.js';
import { loadConfig } from '../../src/config/load.js';

const pathTo = (name: string) => fileURLToPath(new URL(`../../../${name}`, import.meta.url));
const read = (name: string) => readFileSync(pathTo(name), 'utf8');
const dockerfile = read('Dockerfile');

interface Service {
  readonly image: string;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly network_mode?: string;
  readonly read_only?: boolean;
  readonly depends_on?: Readonly<Record<string, unknown>>;
}
const { services } = parse(read('docker-compose.yml')) as {
  services: Readonly<Record<string, Service>>;
};

t.test("the image's default configuration", (t) => {
  const { config, diagnostics } = loadConfig(pathTo('config/container.yaml'), {});
  t.strictSame(diagnostics, []);
  t.equal(formatAddress(config!.admin.listen), '0.0.0.0:9900');
  t.match(dockerfile, /BREAKWATER_ADMIN=0\.0\.0\.0:9900/, "agrees with the image's environment");
  t.match(dockerfile, /^EXPOSE 8080 9900$/m, 'agrees with the exposed ports');
  t.equal(formatAddress(config!.upstreams[0]!.listen!), '0.0.0.0:8080');

  const changed = loadConfig(pathTo('config/container.yaml'), {
    BREAKWATER_ADMIN: '127.0.0.1:1',
    BREAKWATER_LISTEN: '127.0.0.1:2',
    BREAKWATER_TARGET: 'http://catalog.example:3',
  });
  t.equal(formatAddress(changed.config!.admin.listen), '127.0.0.1:1');
  t.equal(formatAddress(changed.config!.upstreams[0]!.listen!), '127.0.0.1:2');
  t.equal(changed.config!.upstreams[0]!.targets[0]!.target.host, 'catalog.example');
  t.end();
});

t.test("Compose's configuration", (t) => {
  const file = pathTo('deploy/compose/breakwater/breakwater.yaml');
  const { config, diagnostics } = loadConfig(file, {});
  t.strictSame(diagnostics, []);
  const { targets, listen } = config!.upstreams[0]!;
  t.ok(targets[0]!.target.host in services, 'the target is a service');
  t.equal(formatAddress(listen!), '127.0.0.1:8101', 'only the service beside it gets in');

  const prometheus = parse(read('deploy/compose/prometheus.yml')) as {
    rule_files: readonly string[];
    scrape_configs: readonly { static_configs: readonly { targets: readonly string[] }[] }[];
  };
  const scraped = prometheus.scrape_configs[0]!.static_configs[0]!.targets[0]!.split(':');
  t.equal(
    services['breakwater']!.network_mode,
    `service:${scraped[0]}`,
    'scraped where the sidecar is',
  );
  t.equal(Number(scraped[1]), (config!.admin.listen as { port: number }).port);
  for (const file of prometheus.rule_files) {
    const mounted = services['prometheus']!.volumes!.some(
      (volume) => volume.split(':')[1] === file,
    );
    t.ok(mounted, `${file} is there`);
  }
  t.end();
});

t.test('Compose', (t) => {
  for (const [name, service] of Object.entries(services)) {
    t.equal(service.read_only, true, `${name} cannot write to its image`);
    for (const port of service.ports ?? []) t.match(port, /^127\.0\.0\.1:/, 'published here only');
    for (const dependency of Object.keys(service.depends_on ?? {})) t.ok(dependency in services);
    for (const volume of service.volumes ?? []) {
      const [source = '', , mode] = volume.split(':');
      t.equal(mode, 'ro');
      t.ok(existsSync(pathTo(source)), `${source} exists`);
    }
  }
  t.end();
});

t.test('the health check', async (t) => {
  const [program, ...args] = JSON.parse(
    /^HEALTHCHECK [^[]*CMD (\[.*\])$/ms.exec(dockerfile)![1]!,
  ) as [string, ...string[]];
  t.equal(program, 'node');

  let status = 200;
  const asked: string[] = [];
  const admin = createServer((request, response) => {
    asked.push(request.url!);
    response.writeHead(status).end();
  }).listen(0, '127.0.0.1');
  await once(admin, 'listening');
  const { port } = admin.address() as AddressInfo;

  const run = async (host: string) => {
    const child = spawn(process.execPath, args, {
      env: { BREAKWATER_ADMIN: `${host}:${port}` },
      stdio: 'ignore',
    });
    const [code] = (await once(child, 'exit')) as [number];
    return code;
  };

  t.equal(await run('127.0.0.1'), 0);
  t.equal(await run('0.0.0.0'), 0, 'all interfaces');
  t.strictSame(asked, ['/healthz', '/healthz']);
  status = 503;
  t.equal(await run('127.0.0.1'), 1, 'ill');
  admin.closeAllConnections();
  await new Promise((resolve) => {
    admin.close(resolve);
  });
  t.equal(await run('127.0.0.1'), 1, 'gone');
});
