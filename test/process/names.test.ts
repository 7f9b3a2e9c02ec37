/** Names whose addresses change, as a DNS server of the test's own tells them. */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { countStatuses, startLoad, type LoadedCall } from '../support/constant-load.js';
import type { NameServer } from '../support/name-server.js';
import { startOwnNames, systemFiles, withOwnNames } from '../support/own-names.js';
import { startProxy } from '../support/proxy-process.js';
import { eventually, findFreePort, send, type Teardown } from '../support/sidecar.js';

const hasIpv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === '::1'),
);

/** Upstreams at all these addresses and one port; each says which one it is. */
async function startFleet(t: Teardown, hosts: readonly string[], port: number): Promise<void> {
  for (const host of hosts) {
    const server = http.createServer((_request, response) => response.end(host));
    await once(server.listen({ port, host, backlog: 128 }), 'listening');
    t.teardown(() => {
      server.closeAllConnections();
      server.close();
    });
  }
}

interface Running {
  readonly names: NameServer;
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Of the endpoints that attempts may go to. */
  readonly addresses: () => Promise<readonly string[]>;
  readonly metric: (sample: string) => Promise<number>;
  readonly log: () => readonly { readonly msg: string; readonly level: string | number }[];
  readonly reload: (keys: string) => Promise<number>;
}

/** The program, with one upstream that follows `name`. @param keys of the upstream. */
async function run(
  t: Teardown,
  name: string,
  upstreamPort: number,
  keys: string,
): Promise<Running> {
  const { names, nodeOptions } = await startOwnNames(t);
  const [port, adminPort] = [await findFreePort(), await findFreePort()];
  const yamlOf = (more: string) => `admin: { listen: "127.0.0.1:${adminPort}" }
upstreams:
  a: { listen: "127.0.0.1:${port}", target: "http://${name}:${upstreamPort}", ${more} }
`;
  const running = startProxy(t, yamlOf(keys), nodeOptions);
  await eventually('it is ready', () => running.output().includes('ready'));
  const admin = `http://127.0.0.1:${adminPort}`;
  interface Page {
    readonly upstreams: readonly {
      readonly endpoints: readonly { readonly address: string; readonly state: string }[];
    }[];
  }
  return {
    names,
    port,
    url: `http://127.0.0.1:${port}/`,
    pid: running.process.pid!,
    async addresses() {
      const { upstreams } = JSON.parse((await send(`${admin}/upstreams`)).text) as Page;
      const here = upstreams[0]!.endpoints.filter(({ state }) => state !== 'leaving');
      return here.map(({ address }) => address).toSorted();
    },
    async metric(sample) {
      const { text } = await send(`${admin}/metrics`);
      const line = text.split('\n').find((each) => each.startsWith(`${sample} `));
      return Number(line?.split(' ').at(-1) ?? 0);
    },
    log: () =>
      running
        .output()
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line)),
    async reload(more) {
      running.edit(yamlOf(more));
      return (await send(`${admin}/reload`, { method: 'POST' })).status;
    },
  };
}

const withPort = (hosts: readonly string[], port: number) =>
  hosts.map((host) => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)).toSorted();

const failedShare = (calls: readonly LoadedCall[]) =>
  calls.filter(({ status }) => status !== 200).length / calls.length;

const pause = (ms: number) =>
  new Promise<void>((resolve) => {
    setTimeout(resolve, ms);
  });

function testNames(): void {
  t.test('each address of a name is an endpoint, of either family', async (t) => {
    const hosts = ['127.0.0.1', '127.0.0.2', ...(hasIpv6 ? ['::1'] : [])];
    const upstreamPort = await findFreePort();
    await startFleet(t, hosts, upstreamPort);
    const { names, url, addresses } = await run(t, 'fleet.test', upstreamPort, '');
    names.set('fleet.test', hosts);
    const served = new Set<string>();
    for (let i = 0; i < 60; i += 1) served.add((await send(url)).text);
    t.same([...served].toSorted(), hosts.toSorted());
    t.same(await addresses(), withPort(hosts, upstreamPort));
    t.ok(names.questions.length < 8, `${names.questions.length} questions for 60 calls`);
  });

  t.test('no call is lost while addresses come and go and look-ups fail', async (t) => {
    const [one, two, three] = ['127.0.0.1', '127.0.0.2', '127.0.0.3'] as const;
    const upstreamPort = await findFreePort();
    await startFleet(t, [one, two, three], upstreamPort);
    const keys = 'resolve: { refresh: 500ms }';
    const running = await run(t, 'fleet.test', upstreamPort, keys);
    const { names, url, port, addresses, metric } = running;
    names.set('fleet.test', [one, two]);
    t.equal((await send(url)).status, 200);
    const load = startLoad(t, port, 8, 2);
    const become = async (hosts: readonly string[]): Promise<void> => {
      names.set('fleet.test', hosts);
      const wanted = withPort(hosts, upstreamPort).join();
      await eventually(`the endpoints are ${wanted}`, async () => {
        return (await addresses()).join() === wanted;
      });
    };
    const failures = () => metric('breakwater_resolutions_total{upstream="a",result="failure"}');
    await become([two, three]);
    for (const zone of ['NXDOMAIN', 'SERVFAIL', 'silent', []] as const) {
      const before = await failures();
      names.set('fleet.test', zone);
      await eventually('look-ups fail', async () => (await failures()) >= before + 2);
      t.same(
        await addresses(),
        withPort([two, three], upstreamPort),
        `${String(zone)} keeps what there was`,
      );
    }
    await become([three]);
    await become([one, three]);
    // A reload in the middle of it keeps what is known.
    names.set('fleet.test', 'SERVFAIL');
    t.equal(await running.reload(`${keys}, retry: { maxAttempts: 2 }`), 200);
    t.same(await addresses(), withPort([one, three], upstreamPort));
    await become([one]);
    await pause(300);
    await load.stop();
    t.same(Object.keys(countStatuses(load.calls)), ['200']);
    const late = load.calls.filter(({ atMs }) => atMs > load.now() - 250);
    t.ok(late.length > 0 && late.every(({ text }) => text === one), 'all calls go to what is left');
    const told = running.log().filter(({ msg }) => msg.includes('fleet.test'));
    t.ok(told.length > 0 && told.length < 30, `${told.length} lines about the name`);
  });

  t.test('a slow name server delays no call but the first', async (t) => {
    const upstreamPort = await findFreePort();
    await startFleet(t, ['127.0.0.1', '127.0.0.2'], upstreamPort);
    const { names, url, port, metric } = await run(
      t,
      'fleet.test',
      upstreamPort,
      'resolve: { refresh: 500ms }',
    );
    names.set('fleet.test', ['127.0.0.1', '127.0.0.2']);
    names.delayMs = 700;
    const startMs = performance.now();
    t.equal((await send(url)).status, 200);
    t.ok(performance.now() - startMs >= 650, 'the first call waits for the addresses');
    const load = startLoad(t, port, 4, 5);
    await eventually('it is looked up again several times', async () => {
      const same = 'breakwater_resolutions_total{upstream="a",result="unchanged"}';
      return (await metric(same)) >= 3;
    });
    await load.stop();
    t.same(Object.keys(countStatuses(load.calls)), ['200']);
    const slow = load.calls.filter(({ tookMs }) => tookMs > 500);
    t.ok(
      slow.length < load.calls.length / 100,
      `${slow.length} of ${load.calls.length} calls took as long as a look-up`,
    );
  });

  t.test('a name that does not resolve at the start fails its calls until it does', async (t) => {
    const upstreamPort = await findFreePort();
    await startFleet(t, ['127.0.0.1'], upstreamPort);
    const running = await run(t, 'late.test', upstreamPort, 'retry: off');
    const { names, url, addresses, log } = running;
    for (const zone of ['NXDOMAIN', 'SERVFAIL', []] as const) {
      names.set('late.test', zone);
      const { status, headers, text } = await send(url);
      t.equal(status, 502);
      t.equal(headers['x-breakwater-reason'], 'connect-failed');
      t.match(text, /late\.test/);
      t.match(text, zone === 'SERVFAIL' ? /EAI_AGAIN/ : /ENOTFOUND|EAI_NODATA|ENODATA/);
      t.same(await addresses(), []);
    }
    t.match(
      log().map(({ msg }) => msg),
      [/^Cannot look up late\.test of a .* calls fail until it has an address$/],
    );
    names.set('late.test', ['127.0.0.1']);
    await eventually('it is well', async () => (await send(url)).status === 200);
  });

  t.test('a thousand addresses of one name start, balance and take little memory', async (t) => {
    const hosts = Array.from({ length: 1000 }, (_, i) => `127.1.${i >> 8}.${i & 255}`);
    const upstreamPort = await findFreePort();
    await startFleet(t, hosts, upstreamPort);
    const { names, port, pid, addresses, url } = await run(t, 'many.test', upstreamPort, '');
    const residentMiB = () => {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1024;
    };
    names.set('many.test', hosts);
    const before = residentMiB();
    const first = await send(url);
    t.equal(first.status, 200, first.text);
    t.equal((await addresses()).length, 1000);
    const load = startLoad(t, port, 16, 0);
    await eventually('2,000 calls have been made', () => load.calls.length >= 2000);
    await load.stop();
    t.same(Object.keys(countStatuses(load.calls)), ['200']);
    const counts = new Map<string, number>();
    for (const { text } of load.calls) counts.set(text, (counts.get(text) ?? 0) + 1);
    t.ok(counts.size > 800, `${counts.size} endpoints were called`);
    t.ok(
      Math.max(...counts.values()) < 15,
      `one got ${Math.max(...counts.values())} calls of 2,000`,
    );
    const grown = residentMiB() - before;
    t.ok(grown < 100, `${grown.toFixed(0)} MiB for a thousand endpoints and their connections`);
  });

  t.test('a thousand addresses of which half refuse stay in use', async (t) => {
    const hosts = Array.from({ length: 1000 }, (_, i) => `127.1.${i >> 8}.${i & 255}`);
    const upstreamPort = await findFreePort();
    await startFleet(
      t,
      hosts.filter((_, i) => i % 2 === 0),
      upstreamPort,
    );
    const keys = 'ejection: { consecutiveFailures: 2 }';
    const { names, port, metric } = await run(t, 'half.test', upstreamPort, keys);
    names.set('half.test', hosts);
    const load = startLoad(t, port, 16, 0);
    await eventually('many of the dead endpoints are out', async () => {
      await pause(200);
      return (await metric('breakwater_endpoints{upstream="a",state="ejected"}')) > 100;
    });
    await load.stop();
    t.notOk(load.calls.some(({ text }) => text.includes('circuit-open')));
    // Each of three attempts meets a dead endpoint by chance: an eighth of the calls at first.
    const all = failedShare(load.calls);
    t.ok(all < 0.2, `${all} of the calls failed`);
  });

  if (systemFiles === undefined) return;
  const hostsFile = join(systemFiles, 'hosts');
  t.test('the hosts file counts, and so do its changes', async (t) => {
    const upstreamPort = await findFreePort();
    await startFleet(t, ['127.0.0.3', '127.0.0.4'], upstreamPort);
    const filed = await run(t, 'filed.test', upstreamPort, 'resolve: { refresh: 500ms }');
    t.equal((await send(filed.url)).text, '127.0.0.3');
    writeFileSync(hostsFile, '127.0.0.1 localhost\n127.0.0.4 filed.test\n');
    await eventually('the changed file counts', async () => {
      return (await send(filed.url)).text === '127.0.0.4';
    });
    t.same(filed.names.questions, []);
  });

  t.test('a short name is looked up in the search domain', async (t) => {
    const upstreamPort = await findFreePort();
    await startFleet(t, ['127.0.0.3'], upstreamPort);
    const { names, url } = await run(t, 'orders', upstreamPort, '');
    names.set('orders.shop.test', ['127.0.0.3']);
    t.equal((await send(url)).text, '127.0.0.3');
  });
}

withOwnNames(t, import.meta.url, testNames);
