/** What the rest of the program gets from a configuration file: checked, decoded (ms, bytes, shares 0..1) and frozen. */
import type { Address, RouteMatch, TlsOptions, WeightedTarget } from '../core/model.js';
import type { PolicySettings } from '../policies/index.js';
import type { OverloadSettings } from '../policies/overload/index.js';
import type { ConnectionOptions } from './schema/connection-keys.js';
import type { LimitOptions, LogOptions, ShutdownOptions } from './schema/sections.js';
import type { StoreConfig } from './resolve/stores.js';
import type { TracingConfig } from './resolve/tracing.js';

export type { PolicyName, PolicySettings } from '../policies/index.js';

export interface RouteConfig {
  readonly name: string;
  readonly match: RouteMatch;
  /** Effective: the upstream's with this route's keys laid over. */
  readonly policies: PolicySettings;
  /** The option paths that the route itself writes: `bulkhead`, `retry`, `retry.budget`, ... */
  readonly writes: ReadonlySet<string>;
}

export interface UpstreamConfig extends ConnectionOptions {
  readonly name: string;
  readonly listen: Address | undefined;
  /** On the shared listener: `/` or `/x/y` without a trailing slash. */
  readonly prefix: string | undefined;
  /** At least one; all with the same scheme and the same base path, no address twice. */
  readonly targets: readonly WeightedTarget[];
  readonly preserveHost: boolean;
  readonly earlyHints: boolean;
  readonly tls: TlsOptions | undefined;
  readonly policies: PolicySettings;
  readonly routes: readonly RouteConfig[];
}

export interface Config {
  readonly file: string;
  /** Of the content of the file and of all files that it names; short, for people to compare. */
  readonly hash: string;
  readonly admin: {
    readonly listen: Address;
    /** For metrics and health only. */
    readonly metrics: Address | undefined;
    readonly token: string | undefined;
  };
  readonly server: { readonly listen: Address };
  readonly log: LogOptions;
  readonly shutdown: ShutdownOptions;
  readonly limits: LimitOptions;
  readonly overload: OverloadSettings;
  readonly stores: StoreConfig;
  /** Undefined while it is off. */
  readonly tracing: TracingConfig | undefined;
  /** Why it is off although the environment has an endpoint. */
  readonly tracingOffBecause: readonly string[];
  readonly upstreams: readonly UpstreamConfig[];
  /** All files with certificates and keys: their contents are part of the configuration. */
  readonly tlsFiles: readonly string[];
  /** The effective configuration in the file's notation, secrets redacted. */
  readonly document: Readonly<Record<string, unknown>>;
}

/** As it is written in the file. */
export function formatAddress(address: Address): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}
