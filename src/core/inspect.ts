/** The state of the running proxy for admin endpoints and metrics; `app.ts` provides it. */
import type { Layers } from './layers.js';
import type { AnyLayer } from './pipeline.js';
import type { PolicyList } from './policy.js';
import type { Mode } from './mode.js';

/** The rate is null below the least number of calls; `retryAfterMs` is 0 unless the circuit refuses. */
export interface CircuitSnapshot {
  /** In shadow: the one that it would be in. */
  readonly state: string;
  readonly mode: Mode;
  readonly consecutiveFailures: number;
  readonly failureRate: number | null;
  /** When the circuit came into this state, ms since the Unix epoch. */
  readonly sinceWallMs: number;
  readonly retryAfterMs: number;
  /** Until it leaves this state by itself; 0 where that has no known end. */
  readonly endsInMs: number;
  /** It is open or half-open because of what another replica found. */
  readonly isTold: boolean;
}

export type ForcedState = 'forced-open' | 'forced-closed' | 'auto';

export interface InspectableCircuit {
  snapshot(): CircuitSnapshot;
  /** Overrides the circuit, for `ttlMs` or or until the next change; `auto` ends the override. */
  force(state: ForcedState, ttlMs?: number): void;
}

/** A layer that has a circuit: `/circuits` lists it and lets operators override it. */
export interface HasCircuit {
  readonly circuit: InspectableCircuit;
}

/** State that belongs to an upstream (route '') or to a route with layers of its own. */
export interface InspectableScope {
  readonly upstream: string;
  readonly route: string;
  /** Its own only: what a route shares stands with its upstream. */
  readonly layers: Layers;
}

export const endpointStates = [
  'available',
  'ejected',
  'unhealthy',
  'drained',
  /** Its address is gone; attempts at it are still under way. */
  'leaving',
] as const;
export type EndpointState = (typeof endpointStates)[number];

/** One address of an upstream. */
export interface EndpointSnapshot {
  /** `10.0.0.1:8080`, `[::1]:8080`, the path of a socket, or a name with its port. */
  readonly address: string;
  /** As configured, without credentials. */
  readonly target: string;
  readonly weight: number;
  readonly state: EndpointState;
  /** Attempts in flight. */
  readonly active: number;
  readonly consecutiveFailures: number;
  /** Until it takes its whole share again; 0 where that has no known end. */
  readonly backInMs: number;
}

export interface InspectableEndpoints {
  list(): readonly EndpointSnapshot[];
  /** Takes it out for `forMs`, Infinity until it is changed. @returns it afterwards; undefined if it is unknown. */
  drain(address: string, forMs: number): EndpointSnapshot | undefined;
  /** Ends that. */
  undrain(address: string): EndpointSnapshot | undefined;
}

export interface InspectableUpstream {
  readonly name: string;
  /** As configured, without credentials; several are separated by commas. */
  readonly target: string;
  readonly endpoints: InspectableEndpoints;
  /** Upgraded connections open now. */
  readonly tunnels: number;
  /** The last attempt that failed. */
  readonly lastError: { readonly message: string; readonly atWallMs: number } | undefined;
}

/** An operator replaces the settings of a policy for a time. */
export interface SettingsOrder {
  readonly policy: string;
  readonly upstream: string;
  /** Empty for the upstream's own. */
  readonly route: string;
  /** Decoded; undefined: those of the file hold again. */
  readonly settings: unknown;
  readonly forMs: number;
}

/** Carries an order out. @returns what does not exist, if so; nothing has changed then. */
export type OrderSettings = (order: SettingsOrder) => 'upstream' | 'route' | undefined;

export interface Inspection {
  readonly policies: PolicyList;
  isReady(): boolean;
  /** In the order of the file; an upstream's own scope comes before its routes'. */
  scopes(): readonly InspectableScope[];
  upstreams(): readonly InspectableUpstream[];
  /** The effective configuration, secrets redacted, ready for JSON. */
  config(): unknown;
}

const hasCircuit = (layer: AnyLayer | undefined): layer is AnyLayer & HasCircuit =>
  layer !== undefined && 'circuit' in layer;

/** The circuit that the scope has to itself, if it has one. */
export function circuitOf({ layers }: InspectableScope): InspectableCircuit | undefined {
  return Object.values(layers).find(hasCircuit)?.circuit;
}

/** The keys of the policies that are in shadow there. */
export const shadowedIn = (layers: Layers | undefined): readonly string[] =>
  Object.values(layers ?? {}).flatMap((layer) => layer?.shadow?.policy ?? []);
