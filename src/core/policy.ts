/** The interface that all policies share. */
import type { Clock, Random } from './clock.js';
import type { Emit } from './events.js';
import type { DeclaredReason } from './errors.js';
import type { Instrument, LoggedEvent, TracedEvent } from './instruments.js';
import type { Judge } from './judge.js';
import type { TSchema } from './json-schema.js';
import type { Off } from './options.js';
import type { AnyLayer, AttemptLayer, CallStage } from './pipeline.js';
import type { Store } from './store.js';

/**
 * What a policy may use beyond its options.
 *
 * @typeParam Settings as in `Policy`.
 */
export interface PolicyContext<Settings = unknown> {
  /** For messages. */
  readonly upstream: string;
  /** Empty for the upstream's own. */
  readonly route: string;
  /** The settings of the upstream and of all its routes: calls of one may matter to what another one keeps. */
  readonly scopes: readonly Settings[];
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  /** Shared by all upstreams, and by all replicas where it is a remote one. */
  readonly store: Store;
  /** A collision-resistant digest: short, printable, the same everywhere. */
  readonly hash: (data: string | Uint8Array) => string;
  /** Makes a unique token that cannot be guessed. */
  readonly createToken: () => string;
  /** An operator has set these settings, until then, in monotonic ms; undefined for those of the file. */
  readonly endsAtMs?: number | undefined;
  /** The whole pipeline of another upstream; it makes a new call for each call it gets. */
  readonly pipelineOf: (upstream: string) => CallStage;
}

/** What the rest of an exchange does on behalf of a policy. */
export interface Needs {
  /** Bytes of a request body to remember for other attempts. */
  readonly replayBytes?: number;
  /** Highest `Retry-After` of a 503 of ours, in ms; off: it has none. */
  readonly ownRetryAfterMs?: number | Off | undefined;
  /** Longest wait for a connection, in ms. */
  readonly connectMs?: number | Off;
  /** Longest silence of an upgraded connection, in ms. */
  readonly tunnelIdleMs?: number | Off;
  /** Most calls under way at once: each takes a connection. A route that writes the policy has as many of its own. */
  readonly calls?: number;
  /** How attempts are judged at each endpoint. */
  readonly judge?: Judge;
  /** A field without which requests of these methods are refused; each request has a value of its own. */
  readonly callerField?: { readonly name: string; readonly methods: readonly string[] } | undefined;
  /** Names of other upstreams that calls may go on to: they must not close under them. */
  readonly upstreams?: readonly string[];
}

/** Where something stands below a policy's key; `*` is each item of a list. */
export type SettingsPath = readonly string[];

/** What a policy's options refer to outside of themselves. Only for keys whose value is a list or off. */
export interface References {
  /** Names of other upstreams. They must exist, and no chain of them may lead back. */
  readonly upstreams?: readonly SettingsPath[];
  /** Files to read with the configuration: the content becomes the value of the key `into` beside the file's name. */
  readonly files?: readonly { readonly at: SettingsPath; readonly into: string }[];
  /** Mappings of header fields. */
  readonly headers?: readonly SettingsPath[];
}

/** That operators may replace the settings of a policy for a time. */
export interface Orders {
  /** Of its endpoints. */
  readonly path: string;
  /** Why these options, which are valid, cannot be meant: a clause. Undefined where they can. */
  objection?(options: unknown): string | undefined;
}

/**
 * A policy's manifest: the only part of it that other modules use.
 *
 * @typeParam Settings the slice of an upstream's effective policies that this one reads; the key `name` is its own.
 * @typeParam Made the layer with the state that the manifest's functions read.
 */
export interface Policy<
  Name extends string,
  Schema extends TSchema,
  Settings,
  Made extends AnyLayer,
> {
  /** The key in the YAML file. */
  readonly name: Name;
  /** Whether its layer is put around whole calls or around each attempt. */
  readonly level: Made extends AttemptLayer ? 'attempt' : 'call';
  /** Of the key's value, with defaults and descriptions. */
  readonly schema: Schema;
  /** Keys of other policies whose settings it reads: a route that writes one of them has a layer of its own. */
  readonly reads?: readonly string[];
  /** Reasons for which it refuses or ends calls. */
  readonly reasons?: Readonly<Record<string, DeclaredReason>>;
  readonly instruments?: readonly Instrument[];
  readonly log?: readonly LoggedEvent[];
  readonly traced?: readonly TracedEvent[];
  readonly references?: References;
  /** Operators look at, or override, its state per route: a route with a layer of its own is shown from the start. */
  readonly isShownPerRoute?: true;
  /** Operators may replace its settings for a time, of an upstream or of a route, by `PUT /PATH/NAME`. */
  readonly orders?: Orders;
  /** What the start of the process and each reload warn of under these settings: the rest of "UPSTREAM ...". */
  caution?(settings: Settings): string | undefined;
  /** Asked also where these settings switch the policy off. */
  needs?(settings: Settings): Needs;
  /** Each route has a layer of its own under these settings of the route, also one that does not write the key. */
  hasLayerPerRoute?(settings: Settings): boolean;
  /**
   * Called once per upstream, and once more per route that has a layer of its own; at a reload again, for each of them.
   * @param previous the layer whose state goes on under the new options: the one of that name before a reload, or the
   *   upstream's for a route that shares its state. Calls under way end by the options they began with.
   * @returns undefined when the settings switch the policy off: it is then absent from the chain.
   */
  create(settings: Settings, context: PolicyContext<Settings>, previous?: Made): Made | undefined;
  /**
   * Whether the own layer of a route goes on with the state of its upstream's.
   * @param writes the option paths that the route writes, parents included.
   */
  sharesState?(writes: ReadonlySet<string>): boolean;
  /** Its fields in `GET /upstreams`: the same names also where it is off and there is no layer. */
  describe?(layer: Made | undefined): Readonly<Record<string, unknown>>;
}

/** A policy for code that treats all policies the same way. */
export type AnyPolicy = Policy<string, TSchema, unknown, AnyLayer>;

/** Outermost first. */
export type PolicyList = readonly AnyPolicy[];
