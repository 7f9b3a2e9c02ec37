/**
 * A large file: 1,000 upstreams with 10 routes each. How long until the proxy is ready, what finding one of them costs against
 * a small file, how long a scrape takes, what scrapes do to calls, and how much memory it all needs.
 *
 *   npm run bench:scale [-- --upstreams N] [--routes N]
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Agent, request } from 'undici';
import { runOwnGenerator } from './support/generators.js';
import { cores, startOwnUpstream } from './support/hot-path.js';
import { findFreePort, pause, type Program, Programs } from './support/program.js';
import { compareScrapers } from './support/scrapers.js';
import { median } from './support/statistics.js';
import { printTable, type Row } from './support/table.js';
import { scriptPath } from './support/upstreams.js';

/** Of the small file that lookups are compared with. */
const FEW_UPSTREAMS = 10;
/** An address of the loopback that nothing else uses, for as many listeners as there are upstreams. */
const OWN_HOST = '127.0.0.77';
const FIRST_PORT = 20_000;
const SCRAPES = 5;
const ROUNDS = 5;
const SECONDS = 2;
/** Calls under way when each route is called once. */
const AT_A_TIME = 50;
const MEBIBYTE = 2 ** 20;

interface File {
  readonly title: string;
  readonly upstreams: number;
  readonly routes: number;
  /** A prefix on the shared listener for each, or a listener of its own. */
  readonly listens: 'prefix' | 'own port';
}

interface Sidecar {
  readonly file: File;
  readonly program: Program;
  readonly port: number;
  readonly admin: string;
  readonly readyMs: number;
}

function yamlOf(file: File, port: number, adminPort: number, upstreamPort: number): string {
  const lines = [
    `admin: { listen: "127.0.0.1:${adminPort}" }`,
    ...(file.listens === 'prefix' ? [`server: { listen: "127.0.0.1:${port}" }`] : []),
    'upstreams:',
  ];
  for (let i = 0; i < file.upstreams; i++) {
    lines.push(
      `  u${i}:`,
      file.listens === 'prefix'
        ? `    prefix: /u${i}`
        : `    listen: "${OWN_HOST}:${FIRST_PORT + i}"`,
      `    target: "http://127.0.0.1:${upstreamPort}"`,
      '    routes:',
    );
    for (let k = 0; k < file.routes; k++) {
      // The first has state of its own, the others only other values.
      const keys = k === 0 ? 'bulkhead: { maxConcurrent: 20 }, circuitBreaker: {}' : 'retry: off';
      lines.push(`      - { name: r${k}, match: { path: "/r${k}/*" }, ${keys} }`);
    }
  }
  return `${lines.join('\n')}\n`;
}

async function start(
  programs: Programs,
  directory: string,
  file: File,
  upstreamPort: number,
): Promise<Sidecar> {
  const adminPort = await findFreePort();
  const port = await findFreePort();
  const name = file.title.replaceAll(/\W+/g, '-');
  const path = join(directory, `${name}.yaml`);
  writeFileSync(path, yamlOf(file, port, adminPort, upstreamPort));
  const startedMs = performance.now();
  const program = await programs.start(name, {
    command: process.execPath,
    args: [scriptPath('../../src/main.js'), 'run', '--config', path],
    core: cores.proxy,
    port: adminPort,
  });
  const admin = `http://127.0.0.1:${adminPort}`;
  while (!(await fetch(`${admin}/readyz`)).ok) await pause(5);
  return { file, program, port, admin, readyMs: performance.now() - startedMs };
}

/** Each route of each upstream once: every counter and histogram has its series then. */
async function callAll({ file, port }: Sidecar): Promise<void> {
  const agent = new Agent({ connections: AT_A_TIME });
  const urls = Array.from({ length: file.upstreams * file.routes }, (_, n) => {
    const upstream = Math.floor(n / file.routes);
    const path = `/r${n % file.routes}/item`;
    return file.listens === 'prefix'
      ? `http://127.0.0.1:${port}/u${upstream}${path}`
      : `http://${OWN_HOST}:${FIRST_PORT + upstream}${path}`;
  });
  const workers = Array.from({ length: AT_A_TIME }, async () => {
    for (let url = urls.pop(); url !== undefined; url = urls.pop()) {
      const { statusCode, body } = await request(url, { dispatcher: agent });
      await body.dump();
      if (statusCode !== 200) throw new Error(`Cannot measure because ${url} gave ${statusCode}`);
    }
  });
  await Promise.all(workers);
  await agent.close();
}

interface Scrape {
  readonly ms: number;
  readonly bytes: number;
}

async function scrape({ admin }: Sidecar): Promise<Scrape> {
  const times: number[] = [];
  let bytes = 0;
  for (let i = 0; i < SCRAPES; i++) {
    const startedMs = performance.now();
    bytes = (await (await fetch(`${admin}/metrics`)).text()).length;
    times.push(performance.now() - startedMs);
  }
  return { ms: median(times), bytes };
}

const mebibytes = (bytes: number) => (bytes / MEBIBYTE).toFixed(1);

async function measureSidecar(sidecar: Sidecar): Promise<Row> {
  const { file, program, readyMs } = sidecar;
  const rssAtStart = program.rssBytes();
  const idle = await scrape(sidecar);
  await callAll(sidecar);
  const active = await scrape(sidecar);
  return [
    file.title,
    readyMs.toFixed(0),
    mebibytes(rssAtStart),
    mebibytes(program.rssBytes()),
    idle.ms.toFixed(0),
    mebibytes(idle.bytes),
    active.ms.toFixed(0),
    mebibytes(active.bytes),
  ];
}

/** Spread evenly over all upstreams and routes. */
const MAX_PATHS = 1000;

async function costOf({ file, port, program }: Sidecar): Promise<number> {
  const count = Math.min(MAX_PATHS, file.upstreams * file.routes);
  const paths = Array.from({ length: count }, (_, i) => {
    const upstream = Math.floor((i * file.upstreams) / count);
    return `/u${upstream}/r${i % file.routes}/item`;
  });
  const before = program.cpuSeconds();
  const { requests, refused, broken } = await runOwnGenerator(
    {
      method: 'GET',
      paths,
      bodyBytes: 0,
      headers: {},
      // As many as any upstream takes by itself.
      connections: 16,
      seconds: SECONDS,
      port,
      rate: undefined,
    },
    cores.load,
  );
  if (refused + broken > 0) {
    throw new Error(`Cannot measure because of ${requests} requests ${refused + broken} failed`);
  }
  return ((program.cpuSeconds() - before) / requests) * 1e6;
}

async function compareLookups(few: Sidecar, many: Sidecar): Promise<void> {
  const costs: [number, number][] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    // Both at once, in turns of milliseconds: what disturbs the one disturbs the other.
    const pair = (await Promise.all([costOf(few), costOf(many)])) as [number, number];
    // The first is to warm up.
    if (round > 0) costs.push(pair);
  }
  const ratio = median(costs.map(([small, large]) => large / small));
  console.log(
    `\nA call among ${many.file.upstreams} upstreams: ${median(costs.map(([, large]) => large)).toFixed(1)} µs of processor time,` +
      ` x ${ratio.toFixed(2)} of one among ${few.file.upstreams}.`,
  );
}

const { values } = parseArgs({
  options: {
    upstreams: { type: 'string', default: '1000' },
    routes: { type: 'string', default: '10' },
  },
});
const routes = Number(values.routes);
const upstreams = Number(values.upstreams);
const directory = mkdtempSync(join(tmpdir(), 'breakwater-scale-'));
const programs = new Programs(directory);
try {
  const upstreamPort = await startOwnUpstream(programs);
  const open = (file: File) => start(programs, directory, file, upstreamPort);
  const shared = 'upstreams, shared listener';
  const few = await open({
    title: `${FEW_UPSTREAMS} ${shared}`,
    upstreams: FEW_UPSTREAMS,
    routes,
    listens: 'prefix',
  });
  const many = await open({
    title: `${upstreams} ${shared}`,
    upstreams,
    routes,
    listens: 'prefix',
  });
  const rows = [await measureSidecar(few), await measureSidecar(many)];
  const own = await open({
    title: `${upstreams} upstreams, a port each`,
    upstreams,
    routes,
    listens: 'own port',
  });
  rows.push(await measureSidecar(own));
  await programs.stop(own.program);
  console.log(
    `${routes} routes each; ms until ready, MiB resident, scrapes in ms and MiB: before any call, and when each route was called\n`,
  );
  const scrapes = ['scrape', 'MiB', 'all: scrape', 'MiB'];
  printTable(['', 'ready', 'RSS start', 'RSS all', ...scrapes], rows, false);
  await compareLookups(few, many);
  await compareScrapers(many.port, many.admin, '/u7/r3/item');
} finally {
  await programs.stopAll();
  rmSync(directory, { recursive: true, force: true });
}
