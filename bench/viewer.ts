/**
 * What a viewer of the live page costs: processor time per small GET while one reads `GET /events`, compared with none.
 *
 *   npm run bench:viewer [-- --rounds N] [--seconds S]
 */
import http from 'node:http';
import { microsecondsPerRequest, startBreakwater, startOwnUpstream } from './support/hot-path.js';
import { measureRounds, type Rounds } from './support/measure-rounds.js';
import { findFreePort, type Programs } from './support/program.js';
import { median } from './support/statistics.js';
import { printTable } from './support/table.js';

const WARM_UP_ROUNDS = 3;

/** @returns what ends it, with the number of bytes that it has read. */
async function openViewer(adminPort: number): Promise<() => number> {
  let bytes = 0;
  const request = http.get(`http://127.0.0.1:${adminPort}/events`, {
    headers: { accept: 'text/event-stream' },
  });
  await new Promise<void>((resolve, reject) => {
    request.once('error', reject);
    request.once('response', (response) => {
      response.on('error', () => {});
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        resolve();
      });
    });
  });
  return () => {
    request.destroy();
    return bytes;
  };
}

/** One process: two with the same code differ by more than what is measured here. */
async function measure(
  programs: Programs,
  directory: string,
  { rounds, seconds }: Rounds,
): Promise<void> {
  const adminPort = await findFreePort();
  const proxy = await startBreakwater(programs, {
    name: 'breakwater',
    upstreamPort: await startOwnUpstream(programs),
    policies: [],
    sections: [],
    adminPort,
    directory,
  });
  const alone: number[] = [];
  const watched: number[] = [];
  let bytes = 0;
  // The first rounds are for the compiler.
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    const without = await microsecondsPerRequest(proxy, seconds);
    const close = await openViewer(adminPort);
    const cost = await microsecondsPerRequest(proxy, seconds);
    bytes = close();
    if (round >= 0) {
      alone.push(without);
      watched.push(cost);
    }
    console.error(`round ${round + 1}/${rounds}, ${bytes} bytes of events`);
  }
  const ratios = watched.map((cost, round) => cost / alone[round]!);
  printTable(
    ['', 'µs per call', 'x none'],
    [
      ['no viewer', median(alone).toFixed(1), '1.000'],
      ['one viewer', median(watched).toFixed(1), median(ratios).toFixed(3)],
    ],
    false,
  );
}

await measureRounds('viewer', { rounds: 15, seconds: 3 }, measure);
