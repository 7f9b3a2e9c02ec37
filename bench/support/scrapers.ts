/** What scrapes of a large file do to calls: their latency without any, and with many scrapers that never pause. */
import { runOwnGenerator, runScrapers } from './generators.js';
import { cores } from './hot-path.js';
import { median } from './statistics.js';
import { printTable, type Row } from './table.js';

/** More than any sidecar has. */
const SCRAPERS = 20;
/** Calls per second, far from what the proxy can carry: the latency is that of calls that meet a scrape. */
const RATE = 2000;
const SECONDS = 5;
const ROUNDS = 3;

interface Figures {
  readonly p50: number;
  readonly p99: number;
  readonly slipP99: number;
  readonly failed: number;
  readonly pages: number;
}

async function measure(
  port: number,
  admin: string,
  path: string,
  scrapers: number,
): Promise<Figures> {
  const load = {
    method: 'GET' as const,
    paths: [path],
    bodyBytes: 0,
    headers: {},
    connections: 16,
  };
  const [report, { pages }] = await Promise.all([
    runOwnGenerator({ ...load, seconds: SECONDS, port, rate: RATE }, cores.load),
    // Longer than the load, which warms up before it counts.
    runScrapers({ url: `${admin}/metrics`, scrapers, seconds: SECONDS + 1 }, cores.load),
  ]);
  const { p50, p99, slipP99, refused, broken } = report;
  return { p50, p99, slipP99, failed: refused + broken, pages };
}

const middle = (rounds: readonly Figures[], name: keyof Figures) =>
  median(rounds.map((each) => each[name]));

function rowOf(scrapers: number, rounds: readonly Figures[]): Row {
  const times = (['p50', 'p99', 'slipP99'] as const).map((name) => middle(rounds, name).toFixed(2));
  return [
    String(scrapers),
    ...times,
    ...(['failed', 'pages'] as const).map((name) => String(middle(rounds, name))),
  ];
}

/** @param path of an upstream that is called meanwhile; its bulkhead admits 16 calls. */
export async function compareScrapers(port: number, admin: string, path: string): Promise<void> {
  const without: Figures[] = [];
  const beside: Figures[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const pair = [
      await measure(port, admin, path, 0),
      await measure(port, admin, path, SCRAPERS),
    ] as const;
    // The first is to warm up.
    if (round === 0) continue;
    without.push(pair[0]);
    beside.push(pair[1]);
  }
  console.log(
    `\n${RATE} calls per second beside scrapers that never pause, in ms, medians of ${ROUNDS} rounds in turns; slip is the generator's own delay\n`,
  );
  printTable(
    ['scrapers', 'p50', 'p99', 'slip p99', 'failed', 'pages'],
    [rowOf(0, without), rowOf(SCRAPERS, beside)],
    false,
  );
}
