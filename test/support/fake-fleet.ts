/** Endpoints whose connections a test plays itself, and names that lead where it says. */
import { Attempt } from '../../src/core/attempt.js';
import type { Event } from '../../src/core/events.js';
import type { Target, WeightedTarget } from '../../src/core/model.js';
import type { ClientOptions, HttpClient, OpenClient } from '../../src/outbound/client.js';
import { Names } from '../../src/outbound/names/names.js';
import {
  EndpointSet,
  type EndpointSetContext,
  type EndpointSetOptions,
} from '../../src/upstream/endpoint-set.js';
import type { EndpointEvent } from '../../src/upstream/instruments.js';
import { fakeCall } from './fake-call.js';
import { FakeClock } from './fake-clock.js';

export function target(host: string, { port = 80, protocol = 'http:' as 'http:' | 'https:' } = {}) {
  const href = `${protocol}//${host.includes(':') ? `[${host}]` : host}:${port}`;
  return { protocol, host, port, socketPath: undefined, basePath: '', href } satisfies Target;
}

/** What is known of a client: who holds it, and what became of it. */
export class FakeClient implements HttpClient {
  readonly options: ClientOptions;
  holders = 1;
  isDestroyed = false;

  constructor(options: ClientOptions) {
    this.options = options;
  }

  dispatch(): void {}

  release(): void {
    this.holders -= 1;
  }

  destroy(): void {
    this.isDestroyed = true;
  }
}

/** Name servers: each name has addresses, or the code of a failure. */
export class FakeNames {
  readonly found: Record<string, readonly string[] | { readonly code: string }> = {};
  readonly asked: string[] = [];
  /** Look-ups hang until it is resolved. */
  gate: Promise<void> | undefined;

  readonly lookup = async (name: string) => {
    this.asked.push(name);
    await this.gate;
    const found = this.found[name] ?? { code: 'ENOTFOUND' };
    if ('code' in found) {
      throw Object.assign(new Error(`getaddrinfo ${found.code} ${name}`), found);
    }
    return found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  };
}

const defaults = {
  name: 'catalog',
  tls: undefined,
  protocol: 'http1',
  resolve: { addresses: 'all', refresh: 5000, maxAge: 300_000 },
  balance: { strategy: 'round-robin', key: {} },
  ejection: { consecutiveFailures: 5, baseTime: 10_000, maxTime: 300_000, maxShare: 0.5 },
  healthCheck: 'off',
  slowStart: 0,
  connectTimeoutMs: 1000,
  maxHeaderSize: 1024,
} as const;

export interface Fleet {
  readonly clock: FakeClock;
  readonly names: FakeNames;
  readonly clients: FakeClient[];
  readonly events: Event[];
  readonly context: EndpointSetContext;
  readonly open: (
    targets: readonly (Target | WeightedTarget)[],
    options?: Partial<EndpointSetOptions>,
    previous?: EndpointSet,
  ) => EndpointSet;
}

export function fakeFleet(): Fleet {
  const clock = new FakeClock();
  const names = new FakeNames();
  const clients: FakeClient[] = [];
  const events: EndpointEvent[] = [];
  const openClient: OpenClient = (options, previous) => {
    if (previous instanceof FakeClient) {
      previous.holders += 1;
      return previous;
    }
    const client = new FakeClient(options);
    clients.push(client);
    return client;
  };
  const context: EndpointSetContext = {
    clock,
    random: () => 0,
    names: new Names(clock, names.lookup),
    openClient,
    emit: (event) => void events.push(event),
  };
  return {
    clock,
    names,
    clients,
    events,
    context,
    open: (targets, options, previous) =>
      new EndpointSet(
        {
          ...defaults,
          targets: targets.map((each) => ('target' in each ? each : { target: each, weight: 1 })),
          ...options,
        },
        context,
        previous,
      ),
  };
}

/** Begins an attempt, of a call of its own if none is given. @returns where it goes. */
export function pick(set: EndpointSet, call = fakeCall(), nowMs = 0) {
  const endpoint = set.choose(new Attempt(call), nowMs);
  endpoint?.begin();
  return endpoint;
}

export const addresses = (set: EndpointSet) => set.list().map(({ address }) => address);
export const states = (set: EndpointSet) =>
  Object.fromEntries(set.list().map(({ address, state }) => [address, state]));
