/** What happens to an upstream in a simulation, and what its callers do meanwhile. */
import { RouteTable } from '../lib/path-tree.js';
import type { UpstreamConfig } from '../config/config.js';
import type { Random } from '../core/clock.js';
import type { ModelFleet } from './model-fleet.js';
import type { Condition, ServerModel } from './model-server.js';
import type { ScenarioName } from './scenario-names.js';
import { gather, multiply, type Span, type Traffic } from './traffic.js';

/** The file cannot be simulated in this way. The message reads "Cannot X because Y". */
export class CannotSimulate extends Error {}

export interface Scenario {
  /** Also the name of the phase in which it happens. */
  readonly name: ScenarioName;
  /** What happens in that phase, as a sentence without its full stop. */
  readonly what: string;
  /** Addresses of each name, where one is too few; 1 unless it is set. */
  readonly addressesPerName?: number;
  /** Nothing happens: there is one phase. */
  readonly isSteady?: true;
  /** The phase begins. @throws CannotSimulate where the upstream has not what it takes. */
  readonly begin?: (fleet: ModelFleet, upstream: UpstreamConfig) => void;
  /** The phase ends. */
  readonly end?: (fleet: ModelFleet) => void;
  readonly shape?: (traffic: Traffic, phase: Span, random: Random) => Traffic;
}

/** The model of a server that works as it should: what a scenario may change. */
const USUAL = {
  slowness: 1,
  errorShare: 0,
  errorStatus: 500,
  resetShare: 0,
  isBroken: () => false,
} satisfies Partial<ServerModel>;

const change = (change: (model: ServerModel) => Partial<ServerModel>) => (fleet: ModelFleet) => {
  for (const server of fleet.servers) server.change(change(server.model));
};

const become = (condition: Condition) => (fleet: ModelFleet) => {
  for (const server of fleet.servers) server.become(condition);
};

const repair = change(() => USUAL);

const SLOW_TIMES = 20;
const BROWNOUT_TIMES = 4;
const SPIKE_TIMES = 5;
const HERD = { everyMs: 5000, withinMs: 100 };

/** The requests of the first route are the bad ones. */
function breakRoute(fleet: ModelFleet, { name, routes, targets }: UpstreamConfig): void {
  if (routes.length === 0) {
    throw new CannotSimulate(
      `Cannot simulate bad-route because upstream ${name} has no routes; add one, or choose another scenario`,
    );
  }
  const table = new RouteTable(routes.map(({ match }) => match));
  const { length } = targets[0]!.target.basePath;
  change(() => ({
    isBroken: ({ head: { method, path } }) => table.find(method, path.slice(length)) === 0,
  }))(fleet);
}

function hangHalf({ servers }: ModelFleet, { name }: UpstreamConfig): void {
  if (servers.length < 2) {
    throw new CannotSimulate(
      `Cannot simulate half-a-fleet because upstream ${name} has one endpoint only; write several \`targets\`, or a name whose addresses are all used`,
    );
  }
  for (const server of servers.slice(0, Math.floor(servers.length / 2))) server.become('hanging');
}

const list: readonly Scenario[] = [
  {
    name: 'outage',
    what: 'the upstream is down: its connections break, and new ones are refused',
    begin: become('refusing'),
    end: become('up'),
  },
  {
    name: 'slow',
    what: `each request takes ${SLOW_TIMES} times as long; the upstream works on as many more at once, so its capacity is the same`,
    begin: change(({ servers }) => ({ slowness: SLOW_TIMES, servers: servers * SLOW_TIMES })),
    end: change(({ servers }) => ({ slowness: 1, servers: servers / SLOW_TIMES })),
  },
  {
    name: 'flaky',
    what: '25% of the requests get 503, and the connections of 5% break',
    begin: change(() => ({ errorShare: 0.25, errorStatus: 503, resetShare: 0.05 })),
    end: repair,
  },
  {
    name: 'brownout',
    what: `each request takes ${BROWNOUT_TIMES} times as long, so a quarter of the capacity is left`,
    begin: change(() => ({ slowness: BROWNOUT_TIMES })),
    end: repair,
  },
  {
    name: 'spike',
    what: `there are ${SPIKE_TIMES} times as many calls`,
    shape: (traffic, phase) => multiply(traffic, phase, SPIKE_TIMES),
  },
  {
    name: 'thundering-herd',
    what: `callers wake up together: the calls of each ${HERD.everyMs / 1000} s come within ${HERD.withinMs} ms`,
    shape: (traffic, phase, random) => gather(traffic, phase, HERD, random),
  },
  {
    name: 'bad-route',
    what: 'each request of the first route gets 500; all others are well',
    begin: breakRoute,
    end: repair,
  },
  {
    name: 'half-a-fleet',
    what: 'half of the endpoints hang: connections to them open, and nothing comes back',
    addressesPerName: 4,
    begin: hangHalf,
    end: become('up'),
  },
  { name: 'steady', what: 'nothing happens', isSteady: true },
];

export const scenarioOf = (name: ScenarioName): Scenario =>
  list.find((each) => each.name === name)!;
