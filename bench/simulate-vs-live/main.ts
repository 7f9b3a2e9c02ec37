/**
 * `npm run bench:simulate-vs-live`: plays scenarios both in virtual time and with real sockets, and compares what came of
 * them. Fails where they are too far apart. `-- --only outage` plays one of them; `--markdown` prints a table for a document.
 */
import { loadavg } from 'node:os';
import { loadText } from '../../src/config/load.js';
import { seeded } from '../../src/simulation/chance.js';
import { simulate, type SimulationOptions } from '../../src/simulation/run.js';
import { scenarioOf } from '../../src/simulation/scenarios.js';
import { generateTraffic } from '../../src/simulation/traffic.js';
import { printTable } from '../support/table.js';
import { compare, differenceOf, isWithin, totalsOf } from './compare.js';
import { playLive } from './live.js';

const UPSTREAM = 'catalog';
const SCENARIOS = ['outage', 'flaky', 'brownout', 'spike'] as const;
const RPS = 50;
const DURATION_MS = 80_000;
const SEED = 1;
/** Long enough that what the machine adds to it is a small part. */
const LATENCY_MS = 200;

/**
 * Defaults but for what would otherwise not come into play within a minute. With 5 failures in a row, the circuit of the
 * flaky upstream opens once or four times in that minute, by chance: no two runs would be alike, live or simulated.
 */
const textWith = (port: number): string => `admin: { listen: "127.0.0.1:0" }
log: { access: all, sample: { ok: 100% } }
upstreams:
  ${UPSTREAM}:
    listen: "127.0.0.1:0"
    target: "http://127.0.0.1:${port}"
    bulkhead: { maxConcurrent: 20, maxQueue: 20 }
    circuitBreaker: { failureThreshold: 10, recoveryTimeout: 5s }
`;

const args = process.argv.slice(2);
const only = args.includes('--only') ? args[args.indexOf('--only') + 1] : undefined;
const chosen = SCENARIOS.filter((name) => only === undefined || name === only);
if (chosen.length === 0) {
  throw new Error(`Cannot play ${only} because there are only: ${SCENARIOS.join(', ')}`);
}

const optionsOf = (name: (typeof SCENARIOS)[number]): SimulationOptions => ({
  upstream: UPSTREAM,
  scenario: scenarioOf(name),
  seed: SEED,
  source: {
    durationMs: DURATION_MS,
    open: (upstream) => generateTraffic(upstream, RPS, DURATION_MS, seeded(SEED + 1000)),
  },
  model: { capacity: 2 * RPS, latencyMs: LATENCY_MS },
});

const number = (value: number) => (Number.isInteger(value) ? String(value) : value.toFixed(2));
const rows: string[][] = [];
let isFine = true;
for (const name of chosen) {
  const options = optionsOf(name);
  const simulated = await simulate(loadText(textWith(1), 'live.yaml', {}).config!, options);
  const { figures, serverMs } = await playLive(textWith, options);
  for (const compared of compare(totalsOf(simulated.figures), totalsOf(figures), serverMs)) {
    isFine &&= isWithin(compared);
    rows.push([
      name,
      compared.figure,
      number(compared.simulated),
      number(compared.live),
      `${(100 * differenceOf(compared)).toFixed(1)}%`,
      compared.limit === Infinity
        ? 'none'
        : `${100 * compared.limit}%${isWithin(compared) ? '' : ' exceeded'}`,
    ]);
  }
}
const head = ['scenario', 'figure', 'simulated', 'live', 'difference', 'limit'];
printTable(head, rows, args.includes('--markdown'));
console.log(`load average of this machine at the end: ${loadavg()[0]!.toFixed(1)}`);
if (!isFine) process.exitCode = 1;
