/** The silhouette that all policies share. */
import type { Clock, Random } from './clock.js';
import type { Emit } from './events.js';
import type { DeclaredReason } from './errors.js';
import type { Instrument, LoggedEvent } from './instruments.js';
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
  /** A digest that nobody can find two inputs for: short, printable, the same everywhere. */
  readonly hash: (data: string | Uint8Array) => string;
  /** A word that nobody else has, and nobody can guess. */
  readonly createToken: () => string;
  /** Another upstream's whole pipeline; it makes a call of its own for each one it is given. */
  readonly pipelineOf: (upstream: string) => CallStage;
}

/** What the rest of an exchange does on behalf of a policy. */
export interface Needs {
  /** Bytes of a request body to remember for other attempts. */
  readonly replayBytes?: number;
  /** Longest wait for a connection, in ms. */
  readonly connectMs?: number | Off;
  /** Longest silence of an upgraded connection, in ms. */
  readonly tunnelIdleMs?: number | Off;
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

/**
 * A policy's manifest: all that other parts know of it.
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
  readonly references?: References;
  /** Operators look at, or override, its state per route: a route with a layer of its own is shown from the start. */
  readonly isShownPerRoute?: true;
  /** Asked also where these settings switch the policy off. */
  needs?(settings: Settings): Needs;
  /**
   * Called once per upstream, and once more per route that writes the key; at a reload again, for each of them.
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

/** As the parts know it that treat all policies alike. */
export type AnyPolicy = Policy<string, TSchema, unknown, AnyLayer>;

/** Outermost first. */
export type PolicyList = readonly AnyPolicy[];
