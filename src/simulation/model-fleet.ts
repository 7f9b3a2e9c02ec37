/** The servers of one upstream, by the addresses that its targets have in a simulation. */
import type { UpstreamConfig } from '../config/config.js';
import type { Clock, Random } from '../core/clock.js';
import { nameOf } from '../outbound/names/target-addresses.js';
import { ModelServer, type ServerModel } from './model-server.js';
import type { Place } from './proxy.js';

/** The addresses of names: none is looked up. */
export class SimulatedNames {
  readonly #addressesPerName: number;
  readonly #addresses = new Map<string, readonly string[]>();

  constructor(addressesPerName: number) {
    this.#addressesPerName = addressesPerName;
  }

  /** The same addresses each time. */
  of(name: string): readonly string[] {
    let found = this.#addresses.get(name);
    if (found === undefined) {
      const number = this.#addresses.size;
      const prefix = `10.${number >> 8}.${number & 255}`;
      found = Array.from({ length: this.#addressesPerName }, (_, i) => `${prefix}.${i + 1}`);
      this.#addresses.set(name, found);
    }
    return found;
  }

  readonly lookup = async (name: string) =>
    this.of(name).map((address) => ({ address, family: 4 }));
}

const keyOf = ({ address, target }: Omit<Place, 'upstream'>) =>
  `${address ?? target.host}:${target.port}`;

export class ModelFleet {
  readonly servers: readonly ModelServer[];
  readonly #byPlace: ReadonlyMap<string, ModelServer>;

  /** @param modelOf of each server, given how many there are. */
  constructor(
    { targets, resolve }: UpstreamConfig,
    names: SimulatedNames,
    modelOf: (servers: number) => ServerModel,
    clock: Clock,
    random: Random,
  ) {
    const keys = targets.flatMap(({ target }) => {
      const name = nameOf(target);
      if (name === undefined) {
        return [keyOf({ address: target.socketPath ?? target.host, target })];
      }
      const addresses = resolve.addresses === 'all' ? names.of(name) : [undefined];
      return addresses.map((address) => keyOf({ address, target }));
    });
    const distinct = [...new Set(keys)];
    const model = modelOf(distinct.length);
    this.#byPlace = new Map(distinct.map((key) => [key, new ModelServer(model, clock, random)]));
    this.servers = [...this.#byPlace.values()];
  }

  serverAt(place: Omit<Place, 'upstream'>): ModelServer {
    return this.#byPlace.get(keyOf(place))!;
  }

  /** Attempts that were directed to them so far. */
  get attempts(): number {
    return this.servers.reduce((sum, server) => sum + server.counts().attempts, 0);
  }
}
