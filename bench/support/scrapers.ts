/** What scrapes of a large file do to calls: their latency without any, and with many scrapers that never pause. */
import { runOwnGenerator, runScrapers } from './generators.js';
import { cores } from './hot-path.js';
import { printTable, type Row } from './table.js';

/** More than any sidecar has. */
const SCRAPERS = 20;
/** Calls per second, far from what the proxy can carry: the latency is that of calls that meet a scrape. */
const RATE = 2000;
const SECONDS = 10;

async function measure(port: number, admin: string, path: string, scrapers: number): Promise<Row> {
  const load = {
    method: 'GET' as const,
    paths: [path],
    bodyBytes: 0,
    headers: {},
    connections: 16,
  };
  const [report, { pages }] = await Promise.all([
    runOwnGenerator({ ...load, seconds: SECONDS, port, rate: RATE }, cores.load),
    runScrapers({ url: `${admin}/metrics`, scrapers, seconds: SECONDS }, cores.load),
  ]);
  const times = [report.p50, report.p99, report.slipP99].map((ms) => ms.toFixed(2));
  return [String(scrapers), ...times, String(report.refused + report.broken), String(pages)];
}

/** @param path of an upstream that is called meanwhile; its bulkhead admits 16 calls. */
export async function compareScrapers(port: number, admin: string, path: string): Promise<void> {
  const rows: Row[] = [];
  for (const scrapers of [0, SCRAPERS]) rows.push(await measure(port, admin, path, scrapers));
  console.log(
    `\n${RATE} calls per second beside scrapers that never pause, in ms; slip is the generator's own delay\n`,
  );
  printTable(['scrapers', 'p50', 'p99', 'slip p99', 'failed', 'pages'], rows, false);
}
