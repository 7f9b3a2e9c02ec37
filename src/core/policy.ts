/** The silhouette that all policies share. */
import type { Clock, Random } from './clock.js';
import type { Emit } from './events.js';
import type { TSchema } from './json-schema.js';
import type { Off } from './options.js';
import type { AttemptLayer, CallLayer, CallStage } from './pipeline.js';
import type { Store } from './store.js';

/** What a policy may use beyond its options. */
export interface PolicyContext {
  /** For messages. */
  readonly upstream: string;
  /** Empty for the upstream's own. */
  readonly route: string;
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

/**
 * @typeParam Settings the slice of an upstream's effective policies that this one reads; the key `name` is its own.
 * @typeParam Made the layer with whatever state it shows to the admin endpoints.
 */
export interface Policy<
  Name extends string,
  Schema extends TSchema,
  Settings,
  Made extends CallLayer | AttemptLayer,
> {
  /** The key in the YAML file. */
  readonly name: Name;
  /** Whether its layer is put around whole calls or around each attempt. */
  readonly level: Made extends AttemptLayer ? 'attempt' : 'call';
  /** Of the key's value, with defaults and descriptions. */
  readonly schema: Schema;
  /** Also where these settings switch the policy off. */
  readonly needs?: (settings: Settings) => Needs;
  /**
   * Called once per upstream, and once more per route that writes the key; at a reload again, for each of them.
   * @param previous the layer of that name before: its state goes on under the new options. Calls under way end by the
   *   options they began with.
   * @returns undefined when the settings switch the policy off: it is then absent from the chain.
   */
  create(settings: Settings, context: PolicyContext, previous?: Made): Made | undefined;
}
