/**
 * Fails when a call has become dearer: what Breakwater needs of processor time per call, as a multiple of what bare
 * Fastify and undici need in the same minute, against the multiple that was recorded in guard.json. Both run at the same time,
 * so that it holds on a machine that has other things to do.
 *
 *   npm run bench:guard [-- --record]
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  microsecondsPerRequest,
  startBreakwater,
  startFloor,
  startOwnUpstream,
  type Proxy,
} from './support/hot-path.js';
import { Programs } from './support/program.js';
import { median } from './support/statistics.js';

const FILE = fileURLToPath(new URL('../../bench/guard.json', import.meta.url));
/** Above the recorded multiple; two runs of the same code differ by a third of that at most. */
const MARGIN = 0.2;
const WARM_UP_SECONDS = 4;
const ROUND_SECONDS = 1.5;
const ROUNDS = 12;

interface Recorded {
  /** Processor time per call, Breakwater by floor. */
  readonly ratio: number;
  readonly node: string;
  readonly date: string;
  readonly howToRecord: string;
}

/** Both at once: they share a processor in turns of milliseconds, so whatever disturbs the one disturbs the other as much. */
async function measure(proxies: readonly Proxy[], rounds: number): Promise<number[]> {
  const ratios: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const costs = proxies.map((proxy) => microsecondsPerRequest(proxy, ROUND_SECONDS));
    const [floor, own] = (await Promise.all(costs)) as [number, number];
    ratios.push(own / floor);
    console.log(
      `floor ${floor.toFixed(1)} µs, Breakwater ${own.toFixed(1)} µs: x ${(own / floor).toFixed(3)}`,
    );
  }
  return ratios;
}

/** @returns whether all is well. */
async function guard(programs: Programs, directory: string, records: boolean): Promise<boolean> {
  const upstreamPort = await startOwnUpstream(programs);
  const floor = await startFloor(programs, upstreamPort);
  const breakwater = await startBreakwater(programs, {
    name: 'breakwater',
    upstreamPort,
    policies: [],
    directory,
  });
  const both = [floor, breakwater] as const;
  await Promise.all(both.map((proxy) => microsecondsPerRequest(proxy, WARM_UP_SECONDS)));
  const ratios = await measure(both, records ? 2 * ROUNDS : ROUNDS);
  if (records) {
    const recorded: Recorded = {
      ratio: Number(median(ratios).toFixed(3)),
      node: process.versions.node,
      date: new Date().toISOString().slice(0, 10),
      howToRecord: 'npm run bench:guard -- --record',
    };
    writeFileSync(FILE, `${JSON.stringify(recorded, undefined, 2)}\n`);
    console.log(`\nA call costs x ${recorded.ratio} of the floor: recorded.`);
    return true;
  }
  const { ratio } = JSON.parse(readFileSync(FILE, 'utf8')) as Recorded;
  const limit = ratio * (1 + MARGIN);
  if (median(ratios) > limit) {
    console.log('Above the limit: as many rounds again, to be sure.');
    ratios.push(...(await measure(both, ROUNDS)));
  }
  const now = median(ratios);
  console.log(
    `\nA call costs x ${now.toFixed(3)} of the floor; recorded ${ratio.toFixed(3)}, limit ${limit.toFixed(3)}.`,
  );
  if (now > limit) {
    console.log(
      'The hot path has become slower. `npm run bench:cost` shows where; where it is worth its price, record it anew.',
    );
  } else if (now < ratio / (1 + MARGIN)) {
    console.log('Much better than recorded: record it, so that it stays.');
  }
  return now <= limit;
}

const directory = mkdtempSync(join(tmpdir(), 'breakwater-guard-'));
const programs = new Programs(directory);
try {
  process.exitCode = (await guard(programs, directory, process.argv.includes('--record'))) ? 0 : 1;
} finally {
  await programs.stopAll();
  rmSync(directory, { recursive: true, force: true });
}
