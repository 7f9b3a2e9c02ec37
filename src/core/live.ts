/**
 * What the admin server shows live, which other programs read as well: fields may be added, none changes its meaning.
 * `telemetry/stream` provides it.
 */
import type { Mode } from './mode.js';

/** In the order of their weight: of several in one slot the last is shown. */
export const circuitCodes = [
  'closed',
  'forced-closed',
  'half-open',
  'forced-open',
  'open',
] as const;
export type CircuitCode = (typeof circuitCodes)[number];

/** Upper bounds of a quarter of an octave, in ms. */
export interface Latency {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** What happened in one slot of time. */
export interface SlotCounts {
  readonly calls: number;
  readonly failed: number;
  readonly refused: number;
  /** Share of the calls, rounded up to 1/255. */
  readonly degradedShare: number;
  /** Null without an attempt that was sent. */
  readonly p50: number | null;
  readonly p99: number | null;
  /** The weightiest of its states. */
  readonly circuit: CircuitCode;
}

export type TroubleState =
  | 'open'
  | 'forced-open'
  | 'failing'
  | 'half-open'
  | 'no-endpoint'
  | 'full'
  | 'degraded'
  | 'no-retries'
  | 'endpoints-out'
  | 'forced-closed'
  | 'fault-injected'
  | 'good'
  | 'idle';

export interface Trouble {
  readonly state: TroubleState;
  /** 0: none, to 100. The page sorts by it. */
  readonly weight: number;
  /** Null where that is not known. */
  readonly since: string | null;
  readonly why: string;
  readonly callersGet: string;
  readonly endsWhen: string;
  /** When that is due; null where it is not known. */
  readonly until: string | null;
}

/** Endpoints by their state. */
export interface EndpointCounts {
  readonly available: number;
  readonly ejected: number;
  readonly unhealthy: number;
  readonly drained: number;
  readonly leaving: number;
}

export interface CircuitRow {
  readonly route: string;
  /** In shadow: the one that it would be in. */
  readonly state: string;
  readonly mode: Mode;
  readonly since: string;
  readonly consecutiveFailures: number;
  readonly failureRate: number | null;
  /** When it lets probes through, or its override ends; null where that is not known. */
  readonly until: string | null;
}

/** Slots for calls. */
export interface SlotsRow {
  /** In shadow only. */
  readonly mode?: 'shadow';
  readonly active: number;
  readonly queued: number;
  readonly limit: number;
  readonly streams: number;
}

/** Calls that may come now, at most `burst`, and how many callers are counted by themselves. */
export interface RateRow {
  /** In shadow only. */
  readonly mode?: 'shadow';
  readonly remaining: number;
  readonly burst: number;
  readonly keys: number;
}

export interface ShadowRow {
  readonly route: string;
  /** The key in the file. */
  readonly policy: string;
  /** Calls that it would have refused, by reason. */
  readonly wouldRefuse: Readonly<Record<string, number>>;
}

/** A fault that attempts are given on purpose. */
export interface FaultRow {
  /** Empty for that of the upstream, which its routes share. */
  readonly route: string;
  /** What it does, without a subject. */
  readonly summary: string;
  /** Null for one without an end, of the file. */
  readonly until: string | null;
}

/** The last attempt that failed by the upstream's doing: its response was an error, or there was none. */
export interface LastError {
  readonly message: string;
  /** RFC 3339. */
  readonly at: string;
}

/** What an upstream does now. */
export interface Facts {
  readonly name: string;
  readonly target: string;
  readonly callsPerSecond: number;
  readonly attemptsPerSecond: number;
  /** Shares of the calls; null without any. */
  readonly goodShare: number | null;
  readonly failedShare: number | null;
  readonly refusedShare: number | null;
  readonly degradedShare: number | null;
  /** Clients that gave up. */
  readonly leftPerSecond: number;
  readonly attemptsPerCall: number | null;
  /** Of attempts that reached the upstream, to their headers; null without any. */
  readonly latencyMs: Latency | null;
  /** The upstream's own first, then those of its routes. */
  readonly circuits: readonly CircuitRow[];
  readonly bulkhead: SlotsRow | null;
  readonly rateLimit: RateRow | null;
  /** Policies in shadow, of the upstream and of its routes. */
  readonly shadow: readonly ShadowRow[];
  readonly faults: readonly FaultRow[];
  readonly retryBudgetRemaining: number | null;
  readonly attemptTimeoutMs: number | null;
  readonly endpoints: EndpointCounts;
  readonly tunnels: number;
  readonly lastError: LastError | null;
  /** The current slot: its last state replaces what was there of it before. */
  readonly slot: SlotCounts;
}

export interface Row extends Facts {
  readonly trouble: Trouble;
}

/** What `breakwater explain` prints, or why there is nothing to print. */
export type Explanation = { readonly text: string } | { readonly problem: string };

/** A client that reads the stream. */
export interface LiveViewer {
  /** It has taken all messages so far. If not, it is left out until it has, and gets everything anew then. */
  isReady(): boolean;
  send(message: string): void;
  /** It has been too slow for too long. */
  drop(): void;
}

export interface Live {
  /** @returns the function that ends it; undefined where there are too many viewers. */
  watch(viewer: LiveViewer): (() => void) | undefined;
  /** The same as the first message of the stream, in pieces. */
  snapshot(): AsyncIterable<string>;
  /** All that is known of one upstream, ready for JSON; undefined for an unknown one. */
  detail(upstream: string): object | undefined;
  /** Of each upstream that has had one, by name. */
  lastErrors(): ReadonlyMap<string, LastError>;
  /** The effective policy in force. @param request `GET /path`: its route is laid over. */
  explain(upstream: string, request: string | undefined): Explanation;
}
