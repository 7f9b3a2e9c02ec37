/**
 * Payments with idempotency keys while the primary of their Redis is killed, frozen, demoted and partitioned in turn: three
 * sidecars over a pair of servers and three sentinels. Fails if a payment was carried out again after its success had been told.
 *
 *   npm run bench:failover [-- --rounds N] [--fleets N]
 *
 * Needs redis-server. A round takes about 10 s; with several fleets as many rounds run at once.
 */
import { parseArgs } from 'node:util';
import { runFailovers, type FailoverResult } from '../test/support/failover-run.js';
import { withoutRedis } from '../test/support/redis.js';
import { percentile } from './support/statistics.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '200' },
    fleets: { type: 'string', default: '2' },
  },
});
const fleets = Number(values.fleets);
const rounds = Number(values.rounds);

async function runFleet(fleet: number): Promise<FailoverResult> {
  const teardowns: (() => unknown)[] = [];
  const teardown = (handler: () => unknown) => void teardowns.push(handler);
  try {
    return await runFailovers(
      { teardown },
      {
        rounds: Math.ceil(rounds / fleets),
        onRound: ({ number, trouble, tookMs, keys, again }) =>
          console.log(
            `fleet ${fleet}, round ${number}, ${trouble}: ${Math.round(tookMs)} ms; ${keys} payments, ${again} again`,
          ),
      },
    );
  } finally {
    for (const handler of teardowns.toReversed()) await handler();
  }
}

if (withoutRedis !== false) {
  console.error(withoutRedis);
  process.exit(1);
}
// All of them end, and with them their servers, before one that failed ends the process.
const endings = await Promise.allSettled(Array.from({ length: fleets }, (_, i) => runFleet(i + 1)));
const results = endings.map((ending) => {
  if (ending.status === 'rejected') throw ending.reason;
  return ending.value;
});
const sum = (pick: (result: FailoverResult) => number) =>
  results.reduce((total, result) => total + pick(result), 0);
const healed = results.flatMap(({ healedMs }) => healedMs).toSorted((a, b) => a - b);
const again = results.flatMap((result) => result.again);
const twice = results.flatMap((result) => result.twice);
console.log(`
rounds                                  ${sum(({ rounds: count }) => count)}
payments whose success was told         ${sum(({ keys }) => keys)}
of them carried out again after that    ${again.length}
carried out more than once in all       ${twice.length}
repeated requests that were replayed    ${sum(({ counts }) => counts.replayed)}
refused with 503                        ${sum(({ counts }) => counts.refused)}
refused with 409                        ${sum(({ counts }) => counts.conflicts)}
other endings                           ${JSON.stringify(results.flatMap(({ counts }) => [...counts.others]))}
new payments succeed after a failover   median ${Math.round(percentile(healed, 0.5))} ms, longest ${Math.round(healed.at(-1) ?? 0)} ms`);
if (again.length > 0) {
  console.error(`carried out again: ${again.join(', ')}`);
  process.exitCode = 1;
}
