/**
 * What each policy costs: processor time and allocated bytes per small GET, with the policies switched on one after the other,
 * as multiples of what bare Fastify and undici need.
 *
 *   npm run bench:cost [-- --rounds N] [--seconds S] [--top N]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  loadSmallGets,
  microsecondsPerRequest,
  startBreakwater,
  startFloor,
  startOwnUpstream,
  type Proxy,
} from './support/hot-path.js';
import { connectInspector, type Allocation } from './support/inspector.js';
import { findFreePort, Programs } from './support/program.js';
import { median } from './support/statistics.js';
import { printTable } from './support/table.js';

/** The order in which they are switched on; the first five are the defaults. */
const policies: readonly {
  readonly name: string;
  readonly on: string;
  readonly isDefault: boolean;
}[] = [
  { name: 'timeout', on: '{}', isDefault: true },
  { name: 'deadline', on: '{}', isDefault: true },
  { name: 'circuitBreaker', on: '{}', isDefault: true },
  { name: 'retry', on: '{}', isDefault: true },
  { name: 'bulkhead', on: '{}', isDefault: true },
  { name: 'fallback', on: '[{ static: { body: "" } }]', isDefault: false },
  { name: 'idempotency', on: '{ ttl: 24h }', isDefault: false },
  { name: 'fallback', on: '[{ cache: { ttl: 1h } }]', isDefault: false },
];

interface Variant {
  readonly title: string;
  /** Policy keys, a line each. */
  readonly policies: readonly string[];
}

/** All off, then one more at a time. */
const variants: readonly Variant[] = Array.from({ length: policies.length + 1 }, (_, count) => {
  const lines = new Map<string, string>();
  for (const [i, { name, on, isDefault }] of policies.entries()) {
    if (i < count) lines.set(name, on);
    else if (isDefault) lines.set(name, 'off');
  }
  const added = policies[count - 1];
  const detail = added?.name === 'fallback' ? ` ${/\w+/.exec(added.on)![0]}` : '';
  return {
    title: added === undefined ? 'all off' : `+ ${added.name}${detail}`,
    policies: [...lines].map(([name, value]) => `${name}: ${value}`),
  };
});

interface Options {
  readonly rounds: number;
  readonly seconds: number;
  /** Functions to list. */
  readonly top: number;
}

/** On a busy machine a proxy gets but a share of it, and code that is not yet optimised costs twice as much. */
const WARM_UP_SECONDS = 5;

async function measureTime(
  programs: Programs,
  directory: string,
  upstreamPort: number,
  { rounds, seconds }: Options,
): Promise<void> {
  const floor = await startFloor(programs, upstreamPort);
  const proxies: { variant: Variant; proxy: Proxy; ratios: number[] }[] = [];
  for (const [i, variant] of variants.entries()) {
    const name = `variant-${i}`;
    const options = { name, upstreamPort, policies: variant.policies, directory };
    proxies.push({ variant, proxy: await startBreakwater(programs, options), ratios: [] });
  }
  const floors: number[] = [];
  await microsecondsPerRequest(floor, WARM_UP_SECONDS);
  for (const { proxy } of proxies) await microsecondsPerRequest(proxy, WARM_UP_SECONDS);
  for (let round = 1; round <= rounds; round++) {
    floors.push(await microsecondsPerRequest(floor, seconds));
    for (const { proxy, ratios } of proxies) {
      // Both at once, in turns of milliseconds: what disturbs the one disturbs the other.
      const pair = [floor, proxy].map((each) => microsecondsPerRequest(each, seconds));
      const [base, own] = (await Promise.all(pair)) as [number, number];
      ratios.push(own / base);
    }
    console.error(`round ${round}/${rounds}`);
  }
  const alone = median(floors);
  console.log(
    `\nProcessor time per small GET; Fastify + undici dispatch (the floor) needs ${alone.toFixed(1)} µs\n`,
  );
  let before = 1;
  printTable(
    ['', 'x floor', 'µs', 'added'],
    proxies.map(({ variant, ratios }) => {
      const ratio = median(ratios);
      const added = (ratio - before) * alone;
      before = ratio;
      return [
        variant.title,
        ratio.toFixed(2),
        (ratio * alone).toFixed(1),
        `${added < 0 ? '' : '+'}${added.toFixed(1)}`,
      ];
    }),
    false,
  );
  await Promise.all(
    [floor, ...proxies.map(({ proxy }) => proxy)].map(({ program }) => programs.stop(program)),
  );
}

interface Allocations {
  readonly title: string;
  readonly requests: number;
  readonly list: readonly Allocation[];
}

async function measureAllocations(
  programs: Programs,
  directory: string,
  upstreamPort: number,
  { seconds, top }: Options,
): Promise<void> {
  const all: Allocations[] = [];
  for (const [i, variant] of [undefined, ...variants].entries()) {
    const port = await findFreePort();
    const nodeArguments = [`--inspect=127.0.0.1:${port}`];
    const proxy =
      variant === undefined
        ? await startFloor(programs, upstreamPort, nodeArguments)
        : await startBreakwater(programs, {
            name: `allocations-${i}`,
            upstreamPort,
            policies: variant.policies,
            directory,
            nodeArguments,
          });
    await loadSmallGets(proxy, WARM_UP_SECONDS);
    const inspector = await connectInspector(port);
    let requests = 0;
    const list = await inspector.allocations(async () => {
      requests = await loadSmallGets(proxy, seconds);
    });
    await inspector.close();
    await programs.stop(proxy.program);
    all.push({ title: variant?.title ?? 'the floor', requests, list });
  }
  const bytes = ({ requests, list }: Allocations) =>
    list.reduce((sum, each) => sum + each.bytes, 0) / requests;
  console.log('\nBytes allocated on the JavaScript heap per small GET\n');
  printTable(
    ['', 'bytes', 'added'],
    all.map((each, i) => {
      const added = i === 0 ? 0 : bytes(each) - bytes(all[i - 1]!);
      return [
        each.title,
        bytes(each).toFixed(0),
        i === 0 ? '' : `${added < 0 ? '' : '+'}${added.toFixed(0)}`,
      ];
    }),
    false,
  );
  const defaults = all[1 + policies.filter(({ isDefault }) => isDefault).length]!;
  for (const each of [all[0]!, defaults]) {
    const title = each === defaults ? 'Breakwater with its defaults' : each.title;
    console.log(`\nWhere ${title} allocates: bytes per call\n`);
    printTable(
      ['bytes', 'function'],
      each.list
        .slice(0, top)
        .map(({ name, bytes: sum }) => [(sum / each.requests).toFixed(0), name]),
      false,
    );
  }
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    top: { type: 'string', default: '25' },
  },
});
const options: Options = {
  rounds: Number(values.rounds),
  seconds: Number(values.seconds),
  top: Number(values.top),
};
const directory = mkdtempSync(join(tmpdir(), 'breakwater-cost-'));
const programs = new Programs(directory);
try {
  const upstreamPort = await startOwnUpstream(programs);
  await measureTime(programs, directory, upstreamPort, options);
  await measureAllocations(programs, directory, upstreamPort, options);
} finally {
  await programs.stopAll();
  rmSync(directory, { recursive: true, force: true });
}
