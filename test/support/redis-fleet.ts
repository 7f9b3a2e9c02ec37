/** Several real Redis servers that work together: a primary with a replica and sentinels, or a cluster. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRedis, type RedisServer } from './redis.js';
import { startRelay } from './relay.js';
import { eventually, findFreePort, type Teardown } from './sidecar.js';
import { commandAt } from './redis-command.js';

export const MASTER = 'mymaster';

/** A server as the others see it. */
export interface FleetServer extends RedisServer {
  /** Where the others and the sidecars connect to. */
  readonly publicPort: number;
  /** From the other servers and the sentinels; sidecars still reach it. Needs relays. */
  cutOff(): void;
  /** Ends that. */
  mend(): void;
}

export interface SentinelFleet {
  readonly servers: readonly FleetServer[];
  readonly sentinels: readonly SentinelProcess[];
  /** Of the sentinels. */
  readonly urls: readonly string[];
  /** As the sentinels see it. */
  primary(): Promise<FleetServer>;
  /** Waits until another server than that is the primary. */
  waitForFailover(from: FleetServer): Promise<FleetServer>;
  /** Waits until the primary has all the others as replicas, and the sentinels know. */
  waitUntilWhole(): Promise<void>;
}

export interface SentinelProcess {
  readonly port: number;
  readonly url: string;
  command(...words: string[]): Promise<string>;
  hang(): void;
  goOn(): void;
  kill(): Promise<void>;
}

async function startSentinel(
  t: Teardown,
  primaryPort: number,
  quorum: number,
  lines: readonly string[],
): Promise<SentinelProcess> {
  const port = await findFreePort();
  const dir = mkdtempSync(join(tmpdir(), 'breakwater-sentinel-'));
  const file = join(dir, 'sentinel.conf');
  const text = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${dir}`,
    `sentinel monitor ${MASTER} 127.0.0.1 ${primaryPort} ${quorum}`,
    `sentinel down-after-milliseconds ${MASTER} 500`,
    `sentinel failover-timeout ${MASTER} 3000`,
    ...lines,
  ];
  writeFileSync(file, `${text.join('\n')}\n`);
  const child: ChildProcess = spawn('redis-server', [file, '--sentinel'], { stdio: 'ignore' });
  const exited = new Promise((resolve) => {
    child.once('exit', resolve);
  });
  const kill = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  t.teardown(async () => {
    await kill();
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  });
  const command = (...words: string[]) => commandAt(port, ...words);
  await eventually('the sentinel replies', () =>
    command('PING').then(
      (response) => /^(?:\+PONG|-NOAUTH)/.test(response),
      () => false,
    ),
  );
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    command,
    kill,
    hang: () => void child.kill('SIGSTOP'),
    goOn: () => void child.kill('SIGCONT'),
  };
}

/** The words of a reply that is a list of texts. */
const wordsOf = (reply: string) => reply.split('\r\n').filter((_, i) => i > 0 && i % 2 === 0);

/** From here servers and sentinels of a fleet with relays connect, and nothing else does. */
const INSIDE = '127.0.0.2';

/** @param options of the server. @param withRelay so that it can be cut off. */
async function startFleetServer(
  t: Teardown,
  options: readonly string[],
  withRelay: boolean,
): Promise<FleetServer> {
  if (!withRelay) {
    const server = await startRedis(t, ...options);
    return { ...server, publicPort: server.port, cutOff() {}, mend() {} };
  }
  const relay = await startRelay(t, INSIDE);
  const own = ['--replica-announce-ip', '127.0.0.1', '--replica-announce-port', `${relay.port}`];
  own.push('--repl-diskless-sync-delay', '0');
  const from = ['--bind-source-addr', INSIDE];
  const server = await startRedis(t, ...own, ...from, ...options);
  relay.lead(server.port);
  return {
    ...server,
    publicPort: relay.port,
    cutOff: () => relay.cutOff(),
    mend: () => relay.mend(),
    restartWith: (...next) => server.restartWith(...own, ...from, ...next),
  };
}

/** @param replicas besides the primary. @param sentinels of which most must agree. */
export async function startSentinelFleet(
  t: Teardown,
  {
    replicas = 1,
    sentinels = 3,
    serverOptions = [] as string[],
    sentinelLines = [] as string[],
    withRelays = false,
  } = {},
): Promise<SentinelFleet> {
  const first = await startFleetServer(t, serverOptions, withRelays);
  const servers = [first];
  const replicaOf = ['--replicaof', '127.0.0.1', String(first.publicPort)];
  for (let i = 0; i < replicas; i++) {
    servers.push(await startFleetServer(t, [...serverOptions, ...replicaOf], withRelays));
  }
  const quorum = Math.floor(sentinels / 2) + 1;
  const inside = [`bind-source-addr ${INSIDE}`, 'sentinel announce-ip 127.0.0.1'];
  const lines = withRelays ? [...sentinelLines, ...inside] : sentinelLines;
  const all = await Promise.all(
    Array.from({ length: sentinels }, () => startSentinel(t, first.publicPort, quorum, lines)),
  );
  // They look at servers that are well every 10 s, unless they are told.
  for (const each of all) await each.command('SENTINEL', 'DEBUG', 'INFO-PERIOD', '1000');
  const byPort = (port: string | undefined) =>
    servers.find((each) => String(each.publicPort) === port);
  const primaryOf = async (sentinel: SentinelProcess) => {
    const asked = sentinel.command('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', MASTER);
    return byPort(wordsOf(await asked.catch(() => ''))[1]);
  };
  const fleet: SentinelFleet = {
    servers,
    sentinels: all,
    urls: all.map(({ url }) => url),
    async primary() {
      let found: FleetServer | undefined;
      await eventually('a sentinel names the primary', async () => {
        found = await primaryOf(all[0]!);
        return found !== undefined;
      });
      return found!;
    },
    async waitForFailover(from) {
      await eventually(
        'all sentinels name another primary',
        async () => {
          const named = await Promise.all(all.map(primaryOf));
          return named.every((each) => each !== undefined && each !== from);
        },
        120_000,
      );
      return fleet.primary();
    },
    async waitUntilWhole() {
      await eventually(
        'the fleet is whole',
        async () => {
          const primary = await fleet.primary();
          const info = await primary.command('INFO', 'replication').catch(() => '');
          const synced = [...info.matchAll(/^slave\d+:.*state=online/gm)].length;
          if (synced !== servers.length - 1) return false;
          const seen = await Promise.all(
            all.map(async (sentinel) => {
              const [master, slaves] = [
                await sentinel.command('SENTINEL', 'MASTER', MASTER).catch(() => ''),
                await sentinel.command('SENTINEL', 'REPLICAS', MASTER).catch(() => ''),
              ];
              const others = /num-other-sentinels\r\n\$\d+\r\n(\d+)/.exec(master)?.[1];
              const good = [...slaves.matchAll(/flags\r\n\$\d+\r\nslave\r\n/g)].length;
              const isSlave = [...slaves.matchAll(/role-reported\r\n\$\d+\r\nslave\r\n/g)].length;
              return (
                Number(others) === all.length - 1 &&
                good === servers.length - 1 &&
                isSlave === servers.length - 1
              );
            }),
          );
          return seen.every(Boolean);
        },
        180_000,
      );
    },
  };
  await fleet.waitUntilWhole();
  return fleet;
}

export interface ClusterFleet {
  readonly nodes: readonly RedisServer[];
  readonly urls: readonly string[];
  /** The node that has the key's slot. */
  nodeOf(key: string): Promise<RedisServer>;
  /** Moves the slot of the key to another node. */
  move(key: string, to: RedisServer): Promise<void>;
}

const SLOTS = 16_384;

const idOf = async (node: RedisServer) => (await node.command('CLUSTER', 'MYID')).split('\r\n')[1]!;

/** A cluster of three primaries. */
export async function startCluster(t: Teardown, ...options: string[]): Promise<ClusterFleet> {
  const own = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '1000', ...options];
  // The usual ports, 10,000 above those of the servers, may not exist.
  const busPorts = await Promise.all([1, 2, 3].map(() => findFreePort()));
  const nodes = await Promise.all(
    busPorts.map((port) => startRedis(t, ...own, '--cluster-port', String(port))),
  );
  const share = Math.ceil(SLOTS / nodes.length);
  for (const [i, node] of nodes.entries()) {
    const [from, to] = [i * share, Math.min(SLOTS, (i + 1) * share) - 1];
    await node.command('CLUSTER', 'ADDSLOTSRANGE', String(from), String(to));
    await node.command('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1));
  }
  for (const [i, { port }] of nodes.entries()) {
    const words = [String(port), String(busPorts[i]!)];
    if (i > 0) await nodes[0]!.command('CLUSTER', 'MEET', '127.0.0.1', ...words);
  }
  await eventually(
    'the cluster is whole',
    async () => {
      const infos = await Promise.all(nodes.map((node) => node.command('CLUSTER', 'INFO')));
      return infos.every((info) => /cluster_state:ok/.test(info) && /known_nodes:3/.test(info));
    },
    10_000,
  );
  const slotOf = async (key: string) =>
    (await nodes[0]!.command('CLUSTER', 'KEYSLOT', key)).slice(1).trim();
  const fleet: ClusterFleet = {
    nodes,
    urls: nodes.map(({ url }) => url),
    async nodeOf(key) {
      const slot = Number(await slotOf(key));
      for (const node of nodes) {
        const id = await idOf(node);
        const all = await nodes[0]!.command('CLUSTER', 'NODES');
        const line = all.split('\n').find((each) => each.startsWith(id))!;
        for (const range of line.trim().split(' ').slice(8)) {
          const [from, to = from] = range.split('-').map(Number);
          if (slot >= from! && slot <= to!) return node;
        }
      }
      throw new Error(`no node has slot ${slot}`);
    },
    async move(key, to) {
      const [slot, from, id] = [await slotOf(key), await fleet.nodeOf(key), await idOf(to)];
      await to.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', await idOf(from));
      await from.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', id);
      const found = wordsOf(await from.command('CLUSTER', 'GETKEYSINSLOT', slot, '1000'));
      for (const each of found.filter((word) => word !== '')) {
        await from.command('MIGRATE', '127.0.0.1', String(to.port), each, '0', '5000');
      }
      for (const node of [to, from, ...nodes.filter((each) => each !== to && each !== from)]) {
        await node.command('CLUSTER', 'SETSLOT', slot, 'NODE', id);
      }
    },
  };
  return fleet;
}
