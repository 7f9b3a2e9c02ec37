/** Customers pay through three sidecars while their store's primary is lost again and again. */
import { Customers, startCharging } from './charges.js';
import { troubleNames, troubles } from './failovers.js';
import { MASTER, startSentinelFleet } from './redis-fleet.js';
import { send, startSidecar, type Teardown } from './sidecar.js';

export interface FailoverResult {
  readonly rounds: number;
  /** Keys whose success was told. */
  readonly keys: number;
  /** Those that were carried out by a request that was sent after that. */
  readonly again: readonly string[];
  /** Those that were carried out more than once in all: before success is told, no proxy can rule that out. */
  readonly twice: readonly string[];
  readonly counts: Customers['counts'];
  /** For each round: until a new payment through each sidecar succeeded, in ms after the failover. */
  readonly healedMs: readonly number[];
}

export interface Round {
  readonly number: number;
  readonly trouble: string;
  readonly tookMs: number;
  /** Payments so far whose success was told, and those of them that were carried out again after it. */
  readonly keys: number;
  readonly again: number;
}

export interface FailoverOptions {
  readonly rounds: number;
  /** Of each round, once it is over. */
  readonly onRound?: (round: Round) => void;
}

const SIDECARS = 3;
const CUSTOMERS = 6;

/** Between payments of one customer, in ms. */
const PAUSE_MS = 20;

export async function runFailovers(t: Teardown, options: FailoverOptions): Promise<FailoverResult> {
  const upstream = await startCharging();
  t.teardown(() => upstream.close());
  const fleet = await startSentinelFleet(t, { withRelays: true });
  const yaml = `log: { access: off }
stores:
  kind: redis
  mode: sentinel
  urls: [${fleet.urls.map((url) => JSON.stringify(url)).join(', ')}]
  master: ${MASTER}
upstreams:
  pay:
    listen: 0
    target: "${upstream.url}"
    bulkhead: off
    idempotency: { failClosed: true, lockTimeout: 60s }`;
  const sidecars = [];
  for (let i = 0; i < SIDECARS; i++) sidecars.push(await startSidecar(t, yaml));
  const urls = sidecars.map((sidecar) => sidecar.url('pay'));
  const customers = new Customers(urls);
  customers.start(CUSTOMERS, PAUSE_MS);
  t.teardown(() => customers.stop());
  const findTwice = () => [...customers.told].filter((key) => (upstream.charges.get(key) ?? 0) > 1);
  const healedMs: number[] = [];
  for (let round = 0; round < options.rounds; round++) {
    const trouble = troubleNames[round % troubleNames.length]!;
    const startMs = performance.now();
    const old = await troubles[trouble](fleet);
    // As the sentinels do it later: they give it more time than a test has.
    const { publicPort } = await fleet.primary();
    await old.command('REPLICAOF', '127.0.0.1', String(publicPort));
    const failedOverMs = performance.now();
    await Promise.all(urls.map((url) => payUntilItWorks(url, `${round} ${url}`)));
    healedMs.push(performance.now() - failedOverMs);
    await fleet.waitUntilWhole();
    options.onRound?.({
      number: round + 1,
      trouble,
      tookMs: performance.now() - startMs,
      keys: customers.told.size,
      again: upstream.again.size,
    });
  }
  await customers.stop();
  return {
    rounds: options.rounds,
    keys: customers.told.size,
    again: [...upstream.again],
    twice: findTwice(),
    counts: customers.counts,
    healedMs,
  };
}

/** With a new key each time: nothing that was left behind stands in its way. */
async function payUntilItWorks(url: string, name: string): Promise<void> {
  const endMs = performance.now() + 60_000;
  for (let i = 0; performance.now() < endMs; i++) {
    const headers = { 'Idempotency-Key': `heal ${name} ${i}` };
    const { status } = await send(url, { method: 'POST', headers, body: 'x' });
    if (status === 201) return;
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  }
  throw new Error(`payments through ${url} never succeeded again`);
}
