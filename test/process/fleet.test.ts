/** What callers and operators see of a fleet of which one process dies, one freezes, and one starts at another address. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { startLoad } from '../support/constant-load.js';
import { startOwnNames, withOwnNames } from '../support/own-names.js';
import { node } from '../support/program.js';
import { startProxy } from '../support/proxy-process.js';
import { eventually, findFreePort, send, type Teardown } from '../support/sidecar.js';

const PROGRAM = fileURLToPath(new URL('../support/fleet-process.js', import.meta.url));

async function startUpstreamProcess(
  t: Teardown,
  host: string,
  port: number,
): Promise<ChildProcess> {
  const child = spawn(...node(PROGRAM, host, String(port)));
  t.teardown(() => child.kill('SIGKILL'));
  await once(child.stdout!, 'data');
  return child;
}

interface Endpoint {
  readonly address: string;
  readonly state: string;
  readonly consecutiveFailures: number;
  readonly backInMs: number;
}

interface Line {
  readonly msg: string;
  readonly level: string;
  readonly endpoints?: readonly string[];
}

const pause = (ms: number) =>
  new Promise<void>((resolve) => {
    setTimeout(resolve, ms);
  });

function testFleet(): void {
  t.test('one of three is killed, one freezes, one comes back at another address', async (t) => {
    const upstreamPort = await findFreePort();
    const [a, b, c, moved] = ['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.4'] as const;
    const killed = await startUpstreamProcess(t, a, upstreamPort);
    const frozen = await startUpstreamProcess(t, b, upstreamPort);
    await startUpstreamProcess(t, c, upstreamPort);
    const { names, nodeOptions } = await startOwnNames(t);
    names.set('fleet.test', [a, b, c]);
    const [port, adminPort] = [await findFreePort(), await findFreePort()];
    const proxy = startProxy(
      t,
      `admin: { listen: "127.0.0.1:${adminPort}" }
log: { access: all }
upstreams:
  fleet:
    listen: "127.0.0.1:${port}"
    target: "http://fleet.test:${upstreamPort}"
    timeout: { attempt: 500ms }
    resolve: { refresh: 1s }
    ejection: { baseTime: 2s, maxShare: 70% }
`,
      nodeOptions,
    );
    await eventually('it is ready', () => proxy.output().includes('ready'));
    const admin = `http://127.0.0.1:${adminPort}`;
    const endpointAt = async (host: string): Promise<Endpoint | undefined> => {
      const { text } = await send(`${admin}/upstreams`);
      const { upstreams } = JSON.parse(text) as {
        readonly upstreams: readonly { readonly endpoints: readonly Endpoint[] }[];
      };
      return upstreams[0]!.endpoints.find(({ address }) => address === `${host}:${upstreamPort}`);
    };
    const isEjected = async (host: string) => (await endpointAt(host))?.state === 'ejected';

    const load = startLoad(t, port, 8, 2);
    const served = (host: string, fromMs: number) =>
      load.calls.some(({ text, atMs }) => text === host && atMs > fromMs);
    await eventually('all are called', () => [a, b, c].every((host) => served(host, 0)));

    const killedMs = load.now();
    killed.kill('SIGKILL');
    await eventually('the page shows the killed one as ejected', () => isEjected(a));
    await pause(1000);

    const frozenMs = load.now();
    frozen.kill('SIGSTOP');
    await eventually('the page shows the frozen one as ejected', () => isEjected(b));
    t.match(await endpointAt(c), { state: 'available' });
    await pause(1000);

    await startUpstreamProcess(t, moved, upstreamPort);
    names.set('fleet.test', [b, c, moved]);
    await eventually('the new one is called', () => served(moved, frozenMs));
    t.equal(await endpointAt(a), undefined, 'the old address has gone from the page');

    const thawedMs = load.now();
    frozen.kill('SIGCONT');
    await eventually('the frozen one is called again', () => served(b, thawedMs));
    await load.stop();

    const failed = load.calls.filter(({ status }) => status !== 200);
    const isLate = (atMs: number) =>
      [killedMs, frozenMs].every((eventMs) => atMs < eventMs || atMs > eventMs + 1000);
    t.same(
      failed.filter(({ atMs }) => isLate(atMs)),
      [],
      `${failed.length} of ${load.calls.length} calls failed`,
    );
    t.ok(failed.length <= 3, 'and nearly none before');
    const slowestMs = Math.max(...load.calls.map(({ tookMs }) => tookMs));
    t.ok(slowestMs < 8000, `the slowest took ${slowestMs.toFixed(0)} ms`);

    const { text: metrics } = await send(`${admin}/metrics`);
    const sample = (name: string) => {
      const line = metrics.split('\n').find((each) => each.startsWith(`${name} `));
      return Number(line?.split(' ').at(-1));
    };
    t.ok(sample('breakwater_ejections_total{upstream="fleet",cause="failures"}') >= 2);
    t.ok(sample('breakwater_retries_total{upstream="fleet",cause="unsent"}') >= 1);
    t.ok(sample('breakwater_retries_total{upstream="fleet",cause="timeout"}') >= 1);
    t.ok(sample('breakwater_resolutions_total{upstream="fleet",result="success"}') >= 2);
    t.equal(sample('breakwater_panics_total{upstream="fleet"}'), 0);

    const lines = proxy
      .output()
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Line);
    for (const host of [a, b]) {
      const address = `${host}:${upstreamPort}`;
      const about = lines.filter(({ msg }) => msg.includes(address));
      t.ok(
        about.some(({ level, msg }) => level === 'warn' && msg.includes('ejected')),
        `the log says that ${host} was ejected`,
      );
      const repeated = lines.filter(({ endpoints = [] }) => endpoints.length > 1);
      t.ok(
        repeated.some(({ endpoints }) => endpoints![0] === address),
        `the access log says which calls met ${host} first`,
      );
    }
  });
}

withOwnNames(t, import.meta.url, testFleet);
