/** The processes of an upstream, by address, and the name that leads to them. */
import type { Clock, Random } from '../../../src/core/clock.js';
import type { Lookup } from '../../../src/outbound/names/lookup.js';
import {
  ModelServer,
  type Condition,
  type ServerModel,
} from '../../../src/simulation/model-server.js';
import type { Place } from '../../../src/simulation/proxy.js';

const PORT = 8080;

/** In the file's notation. */
export const FLEET_TARGET = `http://catalog.internal:${PORT}`;

/** As endpoints are called. */
const endpointOf = (host: string) => `${host}:${PORT}`;

export class Fleet {
  readonly clock: Clock;
  readonly #model: ServerModel;
  readonly #random: Random;
  readonly #processes = new Map<string, ModelServer>();
  /** What the name leads to. */
  #hosts: readonly string[] = [];
  /** Called with each change from or to `up`, with the endpoint. */
  onChange: ((endpoint: string, isUp: boolean) => void) | undefined;

  /** @param size processes at the start. */
  constructor(size: number, model: ServerModel, clock: Clock, random: Random) {
    this.clock = clock;
    this.#model = model;
    this.#random = random;
    for (let i = 0; i < size; i += 1) this.publish(this.start());
  }

  /** The addresses that the name has, in the order in which they were published. */
  get hosts(): readonly string[] {
    return this.#hosts;
  }

  get processes(): readonly ModelServer[] {
    return [...this.#processes.values()];
  }

  /** Requests that were directed to processes while they were not up. */
  get deadRequests(): number {
    return this.processes.reduce((sum, process) => sum + process.counts().deadAttempts, 0);
  }

  readonly lookup: Lookup = async () => this.#hosts.map((address) => ({ address, family: 4 }));

  readonly serverAt = ({ address }: Place): ModelServer => this.#processes.get(address!)!;

  /** A process at an address that there was not before. @returns the address. */
  start(): string {
    const host = `10.0.0.${this.#processes.size + 1}`;
    this.#processes.set(host, new ModelServer(this.#model, this.clock, this.#random));
    return host;
  }

  /** The name leads to that address too. */
  publish(host: string): void {
    this.#hosts = [...this.#hosts, host];
  }

  withdraw(host: string): void {
    this.#hosts = this.#hosts.filter((each) => each !== host);
  }

  set(host: string, condition: Condition): void {
    this.#processes.get(host)!.become(condition);
    this.onChange?.(endpointOf(host), condition === 'up');
  }
}
