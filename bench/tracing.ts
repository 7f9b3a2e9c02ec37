/**
 * What tracing costs: processor time per small GET with spans of no call, of one in ten and of all calls, compared with tracing
 * that is off. Two processes run at the same time, one with and one without, so that it holds on a machine that has other
 * things to do; then they change places, because two processes with the same code differ by more than what is measured here.
 *
 *   npm run bench:tracing [-- --rounds N] [--seconds S]
 */
import { readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import {
  microsecondsPerRequest,
  startBreakwater,
  startOwnUpstream,
  type Proxy,
} from './support/hot-path.js';
import { measureRounds, type Rounds } from './support/measure-rounds.js';
import { findFreePort, type Programs } from './support/program.js';
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

const OFF = 'tracing: off';

/** The first one shows how exact the others are. */
const variants: readonly { readonly title: string; readonly tracing: string }[] = [
  { title: 'off', tracing: OFF },
  ...['parent', '10%', '100%'].map((sample) => ({
    title: `sample: ${sample}`,
    tracing: `tracing: { endpoint: ENDPOINT, sample: ${sample} }`,
  })),
];

interface Side {
  readonly proxy: Proxy;
  /** By a reload. */
  readonly switchTo: (tracing: string) => Promise<void>;
}

async function startSide(
  programs: Programs,
  name: string,
  context: { upstreamPort: number; endpoint: string; directory: string },
): Promise<Side> {
  const { upstreamPort, endpoint, directory } = context;
  const adminPort = await findFreePort();
  const proxy = await startBreakwater(programs, {
    name,
    upstreamPort,
    policies: [],
    sections: [OFF],
    adminPort,
    directory,
  });
  const file = join(directory, `${name}.yaml`);
  const text = readFileSync(file, 'utf8');
  return {
    proxy,
    async switchTo(tracing) {
      writeFileSync(file, text.replace(OFF, tracing.replace('ENDPOINT', endpoint)));
      const { status } = await fetch(`http://127.0.0.1:${adminPort}/reload`, { method: 'POST' });
      if (status !== 200) throw new Error(`Cannot switch to ${tracing}: ${status}`);
    },
  };
}

async function measure(
  programs: Programs,
  directory: string,
  { rounds, seconds }: Rounds,
): Promise<void> {
  const collector = await startCollector();
  const endpoint = `"http://127.0.0.1:${(collector.address() as AddressInfo).port}"`;
  const context = { upstreamPort: await startOwnUpstream(programs), endpoint, directory };
  const left = await startSide(programs, 'left', context);
  const right = await startSide(programs, 'right', context);
  const results = variants.map(() => ({ costs: [] as number[], ratios: [] as number[] }));
  // The first rounds are for the compiler.
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (const [i, { tracing }] of variants.entries()) {
      let product = 1;
      for (const [traced, plain] of [
        [left, right],
        [right, left],
      ] as const) {
        await traced.switchTo(tracing);
        await plain.switchTo(OFF);
        const [cost, costOff] = await Promise.all([
          microsecondsPerRequest(traced.proxy, seconds),
          microsecondsPerRequest(plain.proxy, seconds),
        ]);
        product *= cost / costOff;
        if (round >= 0) results[i]!.costs.push(cost);
      }
      if (round >= 0) results[i]!.ratios.push(Math.sqrt(product));
    }
    console.error(`round ${round + 1}/${rounds}`);
  }
  printTable(
    ['', 'µs per call', 'x off'],
    variants.map(({ title }, i) => {
      const { costs, ratios } = results[i]!;
      return [title, median(costs).toFixed(1), median(ratios).toFixed(3)];
    }),
    false,
  );
  collector.closeAllConnections();
  collector.close();
}

await measureRounds('tracing', { rounds: 15, seconds: 1 }, measure);
