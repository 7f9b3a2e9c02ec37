/**
 * What many endpoints cost: processor time per small GET with 10 endpoints and `least-request`, as a multiple of that with one
 * endpoint. A second proxy with one endpoint shows how far two equal ones differ. All run at the same time, so that it holds on
 * a machine that has other things to do.
 *
 *   npm run bench:endpoints [-- --rounds N] [--seconds S] [--endpoints N]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  microsecondsPerRequest,
  startBreakwater,
  startOwnUpstream,
  type Proxy,
} from '../support/hot-path.js';
import { Programs } from '../support/program.js';
import { median, spread } from '../support/statistics.js';
import { printTable } from '../support/table.js';

const WARM_UP_SECONDS = 5;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '12' },
    seconds: { type: 'string', default: '2' },
    endpoints: { type: 'string', default: '10' },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const hosts = Array.from({ length: Number(values.endpoints) }, (_, i) => `127.0.0.${i + 1}`);

interface Compared {
  readonly title: string;
  readonly proxy: Proxy;
  readonly costs: number[];
  /** Of its cost and that of the other proxy with one endpoint, by round. */
  readonly ratios: number[];
}

async function measure(programs: Programs, directory: string): Promise<readonly Compared[]> {
  const upstreamPort = await startOwnUpstream(programs, hosts);
  const start = (name: string, count: number) =>
    startBreakwater(programs, {
      name,
      upstreamPort,
      hosts: hosts.slice(0, count),
      policies: [],
      directory,
    });
  const one = await start('one', 1);
  const compared: readonly Compared[] = [
    { title: 'one endpoint', proxy: await start('again', 1), costs: [], ratios: [] },
    {
      title: `${hosts.length} endpoints`,
      proxy: await start('many', hosts.length),
      costs: [],
      ratios: [],
    },
  ];
  for (const { proxy } of [{ proxy: one }, ...compared]) {
    await microsecondsPerRequest(proxy, WARM_UP_SECONDS);
  }
  for (let round = 1; round <= rounds; round++) {
    // All at once, in turns of milliseconds: what disturbs the one disturbs the others.
    const measured = [one, ...compared.map(({ proxy }) => proxy)].map((each) =>
      microsecondsPerRequest(each, seconds),
    );
    const [base, ...own] = await Promise.all(measured);
    for (const [i, { costs, ratios }] of compared.entries()) {
      costs.push(own[i]!);
      ratios.push(own[i]! / base!);
    }
    console.error(`round ${round}/${rounds}`);
  }
  return compared;
}

const directory = mkdtempSync(join(tmpdir(), 'breakwater-endpoints-'));
const programs = new Programs(directory);
try {
  const compared = await measure(programs, directory);
  console.log('\nProcessor time per small GET, beside another proxy with one endpoint\n');
  printTable(
    ['', 'µs', 'x one endpoint', 'spread'],
    compared.map(({ title, costs, ratios }) => [
      title,
      median(costs).toFixed(1),
      median(ratios).toFixed(3),
      `${(spread(ratios) * 100).toFixed(0)}%`,
    ]),
    false,
  );
} finally {
  await programs.stopAll();
  rmSync(directory, { recursive: true, force: true });
}
