/** A running proxy as the admin server sees it, with an upstream, a route and whatever a test changes. */
import type {
  EndpointSnapshot,
  ForcedState,
  InspectableEndpoints,
  InspectableUpstream,
  Inspection,
} from '../../src/core/inspect.js';
import { policies } from '../../src/policies/index.js';
import { fakeLayer, fakeScope } from '../support/fake-layers.js';
import { createAdminApp, type AdminOptions } from '../../src/admin/server.js';
import { WrongTokens, type TokenRefusal } from '../../src/admin/wrong-tokens.js';
import { FakeClock } from '../support/fake-clock.js';

/** 2026-01-02T03:04:05.678Z */
export const SINCE_MS = 1_767_323_045_678;

export class FakeCircuit {
  readonly orders: [ForcedState, number | undefined][] = [];
  #state: 'open' | 'closed' | 'forced-open' | 'forced-closed' = 'open';

  snapshot() {
    return {
      state: this.#state,
      consecutiveFailures: 5,
      failureRate: 0.25,
      sinceWallMs: SINCE_MS,
      retryAfterMs: 1200,
    };
  }

  force(state: ForcedState, ttlMs?: number): void {
    this.orders.push([state, ttlMs]);
    this.#state = state === 'auto' ? 'closed' : state;
  }
}

export const endpoint: EndpointSnapshot = {
  address: '[::1]:8080',
  target: 'http://catalog.internal:8080',
  weight: 3,
  state: 'available',
  active: 2,
  consecutiveFailures: 1,
  backInMs: 0,
};

/** One endpoint, which notes its orders. */
export class FakeEndpoints implements InspectableEndpoints {
  readonly orders: (readonly ['drain', number] | readonly ['undrain'])[] = [];

  list(): EndpointSnapshot[] {
    return [endpoint];
  }

  drain(address: string, forMs: number): EndpointSnapshot | undefined {
    if (address !== endpoint.address) return undefined;
    this.orders.push(['drain', forMs]);
    return { ...endpoint, state: 'drained', backInMs: Number.isFinite(forMs) ? forMs : 0 };
  }

  undrain(address: string): EndpointSnapshot | undefined {
    if (address !== endpoint.address) return undefined;
    this.orders.push(['undrain']);
    return endpoint;
  }
}

const idle: InspectableUpstream = {
  name: 'catalog',
  target: 'http://catalog.internal:8080',
  tunnels: 0,
  endpoints: { list: () => [], drain: () => undefined, undrain: () => undefined },
  lastError: undefined,
};

/** Getters, as in the real one. */
const bulkhead = {
  get active() {
    return 3;
  },
  get queued() {
    return 2;
  },
  get limit() {
    return 10;
  },
  get streams() {
    return 4;
  },
};

/** `catalog` with circuits of its own and of its route `search`; `bare` with nothing switched on. */
export function fakeProxy(overrides: Partial<AdminOptions> = {}) {
  const endpoints = new FakeEndpoints();
  const circuits = { catalog: new FakeCircuit(), search: new FakeCircuit() };
  const logs: { level: string; fields: Record<string, unknown>; message: string }[] = [];
  const log = (level: string) => (fields: object, message: string) => {
    logs.push({ level, fields: { ...fields }, message });
  };
  const inspection: Inspection = {
    isReady: () => true,
    policies,
    scopes: () => [
      fakeScope('catalog', '', {
        circuitBreaker: fakeLayer({ circuit: circuits.catalog }),
        bulkhead: fakeLayer({ bulkhead }),
        retry: fakeLayer({ budget: { remaining: () => 30 } }),
        timeout: fakeLayer({ attemptMs: 10_000 }),
      }),
      fakeScope('catalog', 'search', { circuitBreaker: fakeLayer({ circuit: circuits.search }) }),
      fakeScope('bare'),
    ],
    upstreams: () => [
      { ...idle, endpoints },
      { ...idle, name: 'bare' },
    ],
    config: () => ({ upstreams: { catalog: { target: 'http://catalog.internal:8080' } } }),
  };
  const clock = new FakeClock();
  const refusedTokens: TokenRefusal[] = [];
  const options: AdminOptions = {
    inspection,
    wrongTokens: new WrongTokens({ clock, count: (why) => refusedTokens.push(why) }),
    metrics: {
      contentTypeFor: () => 'text/plain; version=0.0.4; charset=utf-8',
      exposition: async function* () {
        yield 'up 1\n';
      },
    },
    live: {
      watch: () => () => {},
      snapshot: async function* () {
        yield '{}';
      },
      detail: () => undefined,
      lastErrors: () =>
        new Map([
          ['catalog', { message: 'The upstream responded 500', at: '2026-01-02T03:04:05.678Z' }],
        ]),
      explain: () => ({ problem: 'know nothing' }),
    },
    token: () => undefined,
    reload: async () => ({ kind: 'success', changes: { added: [], removed: [], changed: [] } }),
    logger: { info: log('info'), warn: log('warn'), error: log('error') },
    version: '1.2.3',
    readSettings: (_, settings) => ({ settings }),
    orderSettings: () => undefined,
    parseDuration: (text) => Number.parseFloat(text) * (text.endsWith('m') ? 60_000 : 1000),
    ...overrides,
  };
  return { options, app: createAdminApp(options), circuits, endpoints, logs, clock, refusedTokens };
}
