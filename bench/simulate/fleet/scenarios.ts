/** What happens to fleets, and how upstreams may deal with it. */
import { FAULT_MS, type FleetScenario, type Variant } from './play.js';
import type { Fleet } from './fleet.js';
import type { Condition } from '../../../src/simulation/model-server.js';

const firstOf = ({ hosts }: Fleet) => hosts[0]!;

/** How long a fault of all processes lasts, ms. */
const ALL_MS = 30_000;

function oneOfThree(name: string, condition: Condition): FleetScenario {
  return {
    name,
    size: 3,
    callsPerSecond: 100,
    arrange: (fleet) => fleet.clock.schedule(FAULT_MS, () => fleet.set(firstOf(fleet), condition)),
  };
}

export const oneRefuses = oneOfThree('one of three refuses connections', 'refusing');
export const oneHangs = oneOfThree('one of three hangs', 'hanging');
export const oneFails = oneOfThree('one of three responds 503', 'failing');

export const allSlow: FleetScenario = {
  name: 'all three take 40 times as long for 30 s',
  size: 3,
  callsPerSecond: 100,
  arrange({ clock, processes }) {
    const slowDown = (times: number): void => {
      for (const process of processes) process.change({ slowness: times });
    };
    clock.schedule(FAULT_MS, () => slowDown(40));
    clock.schedule(FAULT_MS + ALL_MS, () => slowDown(1));
  },
};

export const allRefuse: FleetScenario = {
  name: 'all three refuse connections, two are back after 30 s',
  size: 3,
  callsPerSecond: 100,
  arrange(fleet) {
    const setAll = (hosts: readonly string[], condition: Condition): void => {
      for (const host of hosts) fleet.set(host, condition);
    };
    fleet.clock.schedule(FAULT_MS, () => setAll(fleet.hosts, 'refusing'));
    fleet.clock.schedule(FAULT_MS + ALL_MS, () => setAll(fleet.hosts.slice(1), 'up'));
  },
};

export const oneFlaps: FleetScenario = {
  name: 'one of three is down every other 3 s',
  size: 3,
  callsPerSecond: 100,
  arrange(fleet) {
    for (let i = 0; i < 20; i += 1) {
      const condition = i % 2 === 0 ? 'refusing' : 'up';
      fleet.clock.schedule(FAULT_MS + 3000 * i, () => fleet.set(firstOf(fleet), condition));
    }
  },
};

/** One after the other, and each comes back at another address; name servers are a little late. */
export const rollingRestart: FleetScenario = {
  name: 'rolling restart of four at new addresses',
  size: 4,
  callsPerSecond: 100,
  arrange(fleet) {
    const { clock, hosts } = fleet;
    for (const [i, host] of hosts.entries()) {
      const atMs = FAULT_MS + 12_000 * i;
      clock.schedule(atMs, () => fleet.set(host, 'refusing'));
      clock.schedule(atMs + 2000, () => fleet.withdraw(host));
      clock.schedule(atMs + 4000, () => fleet.publish(fleet.start()));
    }
  },
};

export const halfHangs: FleetScenario = {
  name: 'four of eight hang',
  size: 8,
  callsPerSecond: 200,
  arrange(fleet) {
    for (const host of fleet.hosts.slice(0, 4)) {
      fleet.clock.schedule(FAULT_MS, () => fleet.set(host, 'hanging'));
    }
  },
};

/** As a lost zone does. */
export const halfRefuses: FleetScenario = {
  name: 'ten of twenty refuse connections',
  size: 20,
  callsPerSecond: 200,
  arrange(fleet) {
    for (const host of fleet.hosts.slice(0, 10)) {
      fleet.clock.schedule(FAULT_MS, () => fleet.set(host, 'refusing'));
    }
  },
};

export const fleetScenarios: readonly FleetScenario[] = [
  oneRefuses,
  oneHangs,
  oneFails,
  oneFlaps,
  rollingRestart,
  halfHangs,
  halfRefuses,
  allSlow,
  allRefuse,
];

/** With the defaults. */
export const withEjection: Variant = { name: 'ejection', keys: {}, isOmniscient: false };

export const withoutEjection: Variant = {
  name: 'circuit only',
  keys: { ejection: 'off', balance: { strategy: 'round-robin' } },
  isOmniscient: false,
};

export const omniscient: Variant = {
  name: 'ideal',
  keys: { ejection: 'off' },
  isOmniscient: true,
};

export const variants: readonly Variant[] = [withEjection, withoutEjection, omniscient];
