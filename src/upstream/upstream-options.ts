/** What an upstream is made from: its part of the configuration, and what it uses of the process. */
import type { Clock, Random } from '../core/clock.js';
import type { Emit } from '../core/events.js';
import type { NeedsMemo } from '../core/layers.js';
import type { RouteMatch, TlsOptions, WeightedTarget } from '../core/model.js';
import type { PolicyList } from '../core/policy.js';
import type { Store } from '../core/store.js';
import type { OpenClient } from '../outbound/client.js';
import type { Protocol } from '../outbound/options.js';
import type { Names } from '../outbound/names/names.js';
import type { PolicySettings } from '../policies/index.js';
import type { BalanceOptions } from './balance/options.js';
import type { ResolveOptions } from './discovery/options.js';
import type { HealthOptions } from './health/options.js';
import type { Lifetime } from './lifetime.js';
import type { Scope } from './scope.js';

export interface RouteOptions {
  readonly name: string;
  readonly match: RouteMatch;
  /** Effective: those of the upstream, with the route's own laid over. */
  readonly policies: PolicySettings;
  /** The option paths that the route itself writes. */
  readonly writes: ReadonlySet<string>;
}

export interface UpstreamOptions extends HealthOptions {
  readonly name: string;
  /** On the shared listener, without a slash at its end. */
  readonly prefix: string | undefined;
  /** At least one; all with the same scheme and the same base path, no address twice. */
  readonly targets: readonly WeightedTarget[];
  readonly preserveHost: boolean;
  /** Clients are sent 103. */
  readonly earlyHints: boolean;
  readonly tls: TlsOptions | undefined;
  readonly protocol: Protocol;
  readonly resolve: ResolveOptions;
  readonly balance: BalanceOptions;
  readonly policies: PolicySettings;
  readonly routes: readonly RouteOptions[];
}

/** Another upstream, as those see it whose calls may go on to it. */
export interface Sibling {
  readonly lifetime: Lifetime;
  scopeFor(method: string, path: string): Scope;
}

export interface UpstreamContext {
  readonly clock: Clock;
  readonly names: Names;
  readonly openClient: OpenClient;
  /** Outermost first. */
  readonly policies: PolicyList;
  /** Of those policies. */
  readonly needs: NeedsMemo<PolicyList>;
  readonly random: Random;
  /** Another upstream of the same configuration. */
  findUpstream(name: string): Sibling;
  /** Telemetry for one upstream and route. */
  emitFor(upstream: string, route: string): Emit;
  /** This process has run out of descriptors, ports or memory; called for each attempt that fails for it. */
  onShortage(message: string): void;
  /** Settings of the file hold again that an operator had replaced for a time: there are other scopes to inspect. */
  readonly onOrderEnd?: (() => void) | undefined;
  /** Longest head of a response, in bytes. */
  readonly maxHeaderSize: number;
  readonly store: Store;
  readonly hash: (data: string | Uint8Array) => string;
  readonly createToken: () => string;
}
