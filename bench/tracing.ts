/**
 * What tracing costs: processor time per small GET with spans of no call, of one in ten and of all calls, compared with tracing
 * that is off.
 *
 *   npm run bench:tracing [-- --rounds N] [--seconds S]
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { microsecondsPerRequest, startBreakwater, startOwnUpstream } from './support/hot-path.js';
import { findFreePort, Programs } from './support/program.js';
import { median } from './support/statistics.js';
import { printTable } from './support/table.js';

const WARM_UP_ROUNDS = 3;

/** Takes all spans, and reads none. */
async function startCollector(): Promise<http.Server> {
  const server = http.createServer((request, response) => {
    request.resume().on('end', () => response.end());
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return server;
}

/** The first one is what the others are compared with. */
const variants: readonly { readonly title: string; readonly tracing: string }[] = [
  { title: 'off', tracing: 'tracing: off' },
  ...['parent', '10%', '100%'].map((sample) => ({
    title: `sample: ${sample}`,
    tracing: `tracing: { endpoint: ENDPOINT, sample: ${sample} }`,
  })),
];

interface Options {
  readonly rounds: number;
  readonly seconds: number;
}

/** One process, which a reload switches over: two processes with the same code differ by more than what is measured here. */
async function measure(
  programs: Programs,
  directory: string,
  { rounds, seconds }: Options,
): Promise<void> {
  const collector = await startCollector();
  const endpoint = `"http://127.0.0.1:${(collector.address() as AddressInfo).port}"`;
  const adminPort = await findFreePort();
  const proxy = await startBreakwater(programs, {
    name: 'breakwater',
    upstreamPort: await startOwnUpstream(programs),
    policies: [],
    sections: [variants[0]!.tracing],
    adminPort,
    directory,
  });
  const file = join(directory, 'breakwater.yaml');
  const text = readFileSync(file, 'utf8');
  const switchTo = async (tracing: string) => {
    writeFileSync(file, text.replace(variants[0]!.tracing, tracing.replace('ENDPOINT', endpoint)));
    const { status } = await fetch(`http://127.0.0.1:${adminPort}/reload`, { method: 'POST' });
    if (status !== 200) throw new Error(`Cannot switch to ${tracing}: ${status}`);
  };
  const costs = variants.map((): number[] => []);
  // The first rounds are for the compiler.
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (const [i, { tracing }] of variants.entries()) {
      await switchTo(tracing);
      const cost = await microsecondsPerRequest(proxy, seconds);
      if (round >= 0) costs[i]!.push(cost);
    }
    console.error(`round ${round + 1}/${rounds}`);
  }
  const [off] = costs;
  printTable(
    ['', 'µs per call', 'x off'],
    variants.map(({ title }, i) => {
      const ratios = costs[i]!.map((cost, round) => cost / off![round]!);
      return [title, median(costs[i]!).toFixed(1), median(ratios).toFixed(3)];
    }),
    false,
  );
  collector.closeAllConnections();
  collector.close();
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '15' },
    seconds: { type: 'string', default: '1' },
  },
});
const directory = mkdtempSync(join(tmpdir(), 'breakwater-tracing-'));
const programs = new Programs(directory);
try {
  await measure(programs, directory, {
    rounds: Number(values.rounds),
    seconds: Number(values.seconds),
  });
} finally {
  await programs.stopAll();
  rmSync(directory, { recursive: true });
}
