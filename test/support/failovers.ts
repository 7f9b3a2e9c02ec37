/** What can happen to the primary of a Sentinel fleet. Each trouble makes another server the primary. */
import { MASTER, type FleetServer, type SentinelFleet } from './redis-fleet.js';
import { eventually } from './sidecar.js';

const pause = (ms: number) =>
  new Promise<void>((resolve) => {
    setTimeout(resolve, ms);
  });

/** Time for sidecars to go on at the new primary, before the old one is back, in ms. */
const MEANWHILE_MS = 500;

/** @returns the server that was the primary before. */
export type Trouble = (fleet: SentinelFleet) => Promise<FleetServer>;

export const troubles = {
  /** It comes back with empty memory, as a replica. */
  async killed(fleet) {
    const old = await fleet.primary();
    await old.kill();
    const next = await fleet.waitForFailover(old);
    await pause(MEANWHILE_MS);
    await old.restartWith('--replicaof', '127.0.0.1', String(next.publicPort));
    return old;
  },
  /** When it goes on, it still takes itself for the primary for a while. */
  async frozen(fleet) {
    const old = await fleet.primary();
    old.hang();
    await fleet.waitForFailover(old);
    await pause(MEANWHILE_MS);
    old.goOn();
    return old;
  },
  /** It takes writes until it knows. */
  async demoted(fleet) {
    const old = await fleet.primary();
    const [sentinel] = fleet.sentinels;
    await eventually('a failover has begun', async () =>
      (await sentinel!.command('SENTINEL', 'FAILOVER', MASTER)).startsWith('+OK'),
    );
    await fleet.waitForFailover(old);
    return old;
  },
  /** The sidecars still reach it, and it takes what they write: split brain. */
  async partitioned(fleet) {
    const old = await fleet.primary();
    old.cutOff();
    await fleet.waitForFailover(old);
    await pause(MEANWHILE_MS);
    old.mend();
    return old;
  },
} satisfies Record<string, Trouble>;

export const troubleNames = Object.keys(troubles) as readonly (keyof typeof troubles)[];
