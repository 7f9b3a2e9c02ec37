/** Overload: what comes of more calls than the event loop can carry, with and without shedding. */
import type { Clock } from '../../src/core/clock.js';
import type { CallError } from '../../src/core/errors.js';
import { firstValue } from '../../src/http/fields.js';
import { watchLoopDelay } from '../../src/policies/overload/loop-delay.js';
import { overload as policy, type OverloadSettings } from '../../src/policies/overload/index.js';
import { constant } from '../../src/simulation/chance.js';
import { UPSTREAM } from './environment.js';
import { simulate, type Process, type Row, type Simulation } from './simulation.js';

/**
 * CPU time of a call in ms, by what has to be done: as measured on the real proxy with small responses, a refused call
 * costs two fifths of one that is forwarded. A core carries 1000 calls per second of this size.
 */
const TAKE_MS = 0.4;
const FORWARD_MS = 0.3;
const RESPONSE_MS = 0.3;

/** Calls per second that the loop can carry. */
export const CAPACITY = 1000 / (TAKE_MS + FORWARD_MS + RESPONSE_MS);

/** What the upstream takes: enough of it is there. */
const UPSTREAM_MS = 20;

/** Until a caller hangs up, ms. */
const PATIENCE_MS = 1000;

/** Done ones are dropped together: taking the first of a long array out is slow. */
const KEPT_TASKS = 10_000;

interface Task {
  readonly costMs: number;
  readonly run: () => void;
}

/** One thread: what falls due waits behind all that came before it, as long as that takes. */
class EventLoop implements Clock {
  readonly #clock: Clock;
  readonly #tasks: Task[] = [];
  #first = 0;
  #isBusy = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  wallNow(): number {
    return this.#clock.wallNow();
  }

  /** A timer is as late as the loop is. */
  schedule(delayMs: number, callback: () => void) {
    return this.scheduleAt(this.#clock.now() + delayMs, callback);
  }

  scheduleAt(atMs: number, callback: () => void) {
    return this.#clock.scheduleAt(atMs, () => this.push(0, callback));
  }

  atTurnEnd(task: () => void): void {
    this.#clock.atTurnEnd(task);
  }

  /** Work that takes `costMs` from when its turn comes, and then has its effect. */
  push(costMs: number, run: () => void): void {
    this.#tasks.push({ costMs, run });
    if (!this.#isBusy) this.#next();
  }

  #next(): void {
    const task = this.#tasks[this.#first];
    this.#isBusy = task !== undefined;
    if (task === undefined) return;
    this.#first += 1;
    if (this.#first === KEPT_TASKS) {
      this.#tasks.splice(0, this.#first);
      this.#first = 0;
    }
    this.#clock.schedule(task.costMs, () => {
      task.run();
      this.#next();
    });
  }
}

interface Watched {
  readonly process: (clock: Clock, random: () => number) => Process;
  /** Readings of the loop's delay, in ms. */
  readonly delays: number[];
}

/** The process around the policies: a loop that takes calls in, forwards them and responds. */
function processWith(settings: OverloadSettings): Watched {
  const delays: number[] = [];
  function process(clock: Clock, random: () => number): Process {
    const loop = new EventLoop(clock);
    const guard = policy.create(settings, {
      clock: loop,
      random,
      openMemory: () => () => ({ usedBytes: 0, limitBytes: 1 }),
      onChange: () => {},
    });
    watchLoopDelay(loop, (delayMs) => delays.push(delayMs));
    /** Of the call that is taken in now. */
    let refused: CallError | undefined;
    return {
      refuse: () => refused,
      enter(then) {
        loop.push(TAKE_MS, () => {
          refused = guard?.draw(UPSTREAM);
          if (refused === undefined) return loop.push(FORWARD_MS, then);
          then();
          refused = undefined;
        });
      },
      leave({ fields }, then) {
        const isRefused = firstValue(fields, 'x-breakwater-reason') === 'overloaded';
        loop.push(isRefused ? 0 : RESPONSE_MS, then);
      },
    };
  }
  return { process, delays };
}

/** Offered load as a multiple of what the loop can carry. */
const LOADS = [0.9, 1.2, 1.4, 1.7];
const SHARES = ['off', 0.3, 0.5, 0.7] as const;

export interface Outcome {
  readonly goodput: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly rejectedPerSecond: number;
  readonly gaveUpPerSecond: number;
  /** The longest reading, with the first seconds. */
  readonly delayMs: number;
}

/** @param load as a multiple of what the loop can carry. @param shed the share, or `off` for the whole policy. */
export async function runOverload(load: number, shed: number | 'off'): Promise<Outcome> {
  const settings: OverloadSettings =
    shed === 'off' ? 'off' : { mode: 'enforce', eventLoopDelay: 100, memory: 'off', shed };
  const { process, delays } = processWith(settings);
  const [result] = await simulate({
    seed: 1,
    policies: {},
    upstream: { servers: 10_000, serviceMs: constant(UPSTREAM_MS) },
    callers: [{ name: 'all', perSecond: load * CAPACITY, patienceMs: PATIENCE_MS }],
    phases: [{ name: 'steady', fromMs: 5000, toMs: 10_000 }],
    process,
  });
  const { calls } = result!;
  return {
    goodput: calls.goodput,
    p50Ms: calls.latencyMs(0.5),
    p99Ms: calls.latencyMs(0.99),
    rejectedPerSecond: calls.rejectedPerSecond,
    gaveUpPerSecond: calls.failedPerSecond,
    delayMs: Math.max(...delays),
  };
}

const round = (value: number) => (Number.isNaN(value) ? '-' : Math.round(value));

function describe(load: number, shed: number | 'off', outcome: Outcome): Row {
  return {
    'offered/s': load * CAPACITY,
    shed: shed === 'off' ? 'off' : `${shed * 100}%`,
    'goodput/s': round(outcome.goodput),
    'p50 ms': round(outcome.p50Ms),
    'p99 ms': round(outcome.p99Ms),
    'refused/s': round(outcome.rejectedPerSecond),
    'gave up/s': round(outcome.gaveUpPerSecond),
    'longest delay ms': round(outcome.delayMs),
  };
}

export const overload: Simulation = {
  name: 'overload',
  what: `An event loop that can carry ${CAPACITY} calls per second is offered 0.9 to 1.7 times that, by callers who hang up after ${PATIENCE_MS} ms.`,
  async run() {
    const rows: Row[] = [];
    for (const load of LOADS) {
      for (const shed of SHARES) rows.push(describe(load, shed, await runOverload(load, shed)));
    }
    return rows;
  },
};
