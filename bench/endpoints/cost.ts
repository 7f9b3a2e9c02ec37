/**
 * What many endpoints cost: processor time per small GET with 10 endpoints and `least-request`, compared with one endpoint. One
 * process has three upstreams: one with 10 endpoints and two with one. They are loaded in turns. So it holds on a machine that
 * has other things to do, and the two equal ones show how far to trust it.
 *
 *   npm run bench:endpoints [-- --rounds N] [--seconds S] [--endpoints N]
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cores, microsecondsPerRequest, startOwnUpstream } from '../support/hot-path.js';
import { findFreePort, Programs } from '../support/program.js';
import { median } from '../support/statistics.js';
import { printTable } from '../support/table.js';
import { scriptPath } from '../support/upstreams.js';

const WARM_UP_SECONDS = 4;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '6' },
    endpoints: { type: 'string', default: '10' },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const hosts = Array.from({ length: Number(values.endpoints) }, (_, i) => `127.0.0.${i + 1}`);

interface Loaded {
  readonly title: string;
  readonly hosts: readonly string[];
  readonly port: number;
  /** Microseconds, by round. */
  readonly costs: number[];
}

const prepare = async (title: string, used: readonly string[]): Promise<Loaded> => ({
  title,
  hosts: used,
  port: await findFreePort(),
  costs: [],
});

async function measure(programs: Programs, directory: string): Promise<readonly Loaded[]> {
  const upstreamPort = await startOwnUpstream(programs, hosts);
  const all = [
    await prepare('one endpoint', hosts.slice(0, 1)),
    await prepare(`${hosts.length} endpoints`, hosts),
    await prepare('one endpoint again', hosts.slice(0, 1)),
  ];
  const upstreams = all.map(({ port, hosts: used }, i) => {
    const targets = used.map((host) => `"http://${host}:${upstreamPort}"`).join(', ');
    return `  u${i}: { listen: "127.0.0.1:${port}", targets: [${targets}] }\n`;
  });
  const file = join(directory, 'endpoints.yaml');
  const admin = `admin: { listen: "127.0.0.1:${await findFreePort()}" }\n`;
  writeFileSync(file, `${admin}upstreams:\n${upstreams.join('')}`);
  const args = [scriptPath('../../src/main.js'), 'run', '--config', file];
  const [{ port: first }] = all as [Loaded, ...Loaded[]];
  const options = { command: process.execPath, args, core: cores.proxy, port: first };
  const program = await programs.start('breakwater', options);
  const costOf = ({ title: name, port }: Loaded, forSeconds: number) =>
    microsecondsPerRequest({ name, program, port }, forSeconds);
  for (const each of all) await costOf(each, WARM_UP_SECONDS);
  for (let round = 0; round < rounds; round++) {
    // Each of them is the first as often as the last.
    const order = all.map((_, i) => all[(i + round) % all.length]!);
    for (const each of order) each.costs.push(await costOf(each, seconds));
  }
  return all;
}

const directory = mkdtempSync(join(tmpdir(), 'breakwater-endpoints-'));
const programs = new Programs(directory);
try {
  const all = await measure(programs, directory);
  const base = all[0]!.costs;
  console.log('\nProcessor time per small GET\n');
  printTable(
    ['', 'µs', 'x one endpoint'],
    all.map(({ title, costs }) => [
      title,
      median(costs).toFixed(1),
      median(costs.map((cost, i) => cost / base[i]!)).toFixed(3),
    ]),
    false,
  );
} finally {
  await programs.stopAll();
  rmSync(directory, { recursive: true, force: true });
}
