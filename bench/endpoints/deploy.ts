/**
 * What callers notice of a rolling deploy, a killed process and a frozen one: a fleet of three behind Breakwater and its peers,
 * under a constant load of GETs. Each proxy gets the same script, one after the other, for some rounds.
 *
 *   npm run bench:deploy [-- --rounds N] [--rate N]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findFreePort, pause, type Program, Programs } from '../support/program.js';
import { median, percentile } from '../support/statistics.js';
import { printTable } from '../support/table.js';
import { scriptPath } from '../support/upstreams.js';
import { balancers, type Balancer } from './balancers.js';

const FLEET = 3;
/** From the end of a process to the start of the next one. */
const DOWN_MS = 1000;
/** From one replica of a rolling deploy to the next one. */
const STEP_MS = 3000;
const FROZEN_MS = 5000;
/** After an event, until the next one: all endpoints are back in use. */
const CALM_MS = 8000;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    rate: { type: 'string', default: '200' },
  },
});
const rounds = Number(values.rounds);
const rate = Number(values.rate);

/** One process of the fleet, and those that take its place. */
class Replica {
  readonly #programs: Programs;
  readonly #name: string;
  readonly port: number;
  #program: Program | undefined;

  constructor(programs: Programs, name: string, port: number) {
    this.#programs = programs;
    this.#name = name;
    this.port = port;
  }

  async start(): Promise<void> {
    const args = [scriptPath('../endpoints/replica.js'), String(this.port)];
    const options = { command: process.execPath, args, port: this.port };
    this.#program = await this.#programs.start(this.#name, options);
  }

  async stop(): Promise<void> {
    await this.#programs.stop(this.#program!);
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(this.#program!.pid, signal);
  }
}

interface Event {
  readonly name: string;
  play(fleet: readonly Replica[]): Promise<void>;
}

const events: readonly Event[] = [
  {
    name: 'rolling deploy',
    async play(fleet) {
      for (const replica of fleet) {
        await replica.stop();
        await pause(DOWN_MS);
        await replica.start();
        await pause(STEP_MS);
      }
    },
  },
  {
    name: 'one killed',
    async play([first]) {
      first!.signal('SIGKILL');
      await first!.stop();
      await pause(DOWN_MS);
      await first!.start();
    },
  },
  {
    name: 'one frozen',
    async play([, second]) {
      second!.signal('SIGSTOP');
      await pause(FROZEN_MS);
      second!.signal('SIGCONT');
    },
  },
];

interface Seen {
  calls: number;
  lost: number;
  readonly tookMs: number[];
}

/** Calls at a constant rate, whatever becomes of them. @returns what ends it, when all have ended. */
function startLoad(port: number, seen: Seen): () => Promise<void> {
  const agent = new http.Agent({ keepAlive: true });
  const running = new Set<Promise<void>>();
  const call = () =>
    new Promise<void>((resolve) => {
      const startMs = performance.now();
      const end = (isGood: boolean): void => {
        seen.calls += 1;
        if (!isGood) seen.lost += 1;
        seen.tookMs.push(performance.now() - startMs);
        resolve();
      };
      const request = http.get({ host: '127.0.0.1', port, agent }, (response) => {
        response.on('error', () => end(false));
        response.on('end', () => end(response.statusCode === 200));
        response.resume();
      });
      request.on('error', () => end(false));
    });
  const timer = setInterval(() => {
    const called = call();
    running.add(called);
    void called.then(() => running.delete(called));
  }, 1000 / rate);
  return async () => {
    clearInterval(timer);
    await Promise.all(running);
    agent.destroy();
  };
}

/** @returns what callers saw of each event. */
async function playRound(
  programs: Programs,
  balancer: Balancer,
  directory: string,
): Promise<readonly Seen[]> {
  const fleet: Replica[] = [];
  for (let i = 0; i < FLEET; i += 1) {
    fleet.push(new Replica(programs, `replica-${i}`, await findFreePort()));
  }
  await Promise.all(fleet.map((replica) => replica.start()));
  const port = await findFreePort();
  const setup = {
    port,
    adminPort: await findFreePort(),
    ports: fleet.map((each) => each.port),
    directory,
  };
  const proxy = await programs.start('proxy', { ...balancer.prepare(setup), port });
  await pause(STEP_MS);
  const all: Seen[] = [];
  for (const event of events) {
    const seen: Seen = { calls: 0, lost: 0, tookMs: [] };
    const stopLoad = startLoad(port, seen);
    await pause(1000);
    await event.play(fleet);
    await pause(CALM_MS);
    await stopLoad();
    all.push(seen);
  }
  await programs.stop(proxy);
  await Promise.all(fleet.map((replica) => replica.stop()));
  return all;
}

const directory = mkdtempSync(join(tmpdir(), 'breakwater-deploy-'));
const programs = new Programs(directory);
try {
  const contenders: { title: string; balancer: Balancer; played: (readonly Seen[])[] }[] = [];
  for (const balancer of balancers) {
    const version = await balancer.version();
    if (version === undefined) console.error(`${balancer.title}: not installed`);
    else contenders.push({ title: `${balancer.title} (${version})`, balancer, played: [] });
  }
  for (let round = 1; round <= rounds; round += 1) {
    for (const { title, balancer, played } of contenders) {
      played.push(await playRound(programs, balancer, directory));
      const lost = played.at(-1)!.map(({ lost: count, calls }) => `${count}/${calls}`);
      console.error(`round ${round}/${rounds}: ${title}: lost ${lost.join(', ')}`);
    }
  }
  console.log(`\n${rate} GETs per second; lost calls, and the longest call but 1 of 1,000\n`);
  printTable(
    ['', ...events.map(({ name }) => name)],
    contenders.map(({ title, played }) => [
      title,
      ...events.map((_, i) => {
        const seen = played.map((round) => round[i]!);
        const slowest = seen.map(({ tookMs }) =>
          percentile(
            tookMs.toSorted((a, b) => a - b),
            0.999,
          ),
        );
        return `${median(seen.map(({ lost }) => lost))}, ${median(slowest).toFixed(0)} ms`;
      }),
    ]),
    true,
  );
} finally {
  await programs.stopAll();
  rmSync(directory, { recursive: true, force: true });
}
