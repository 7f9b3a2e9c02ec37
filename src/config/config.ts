/** What the rest of the program gets from a configuration file: checked, decoded (ms, bytes, shares 0..1) and frozen. */
import type { PolicySettings } from '../policies/index.js';
import type { OverloadSettings } from '../policies/overload/index.js';
import type { LimitOptions, LogOptions, ShutdownOptions } from './schema/schema.js';
import type { StoreConfig } from './resolve/stores.js';

export type { PolicyName, PolicySettings } from '../policies/index.js';

/** Where to listen. */
export type Address =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

/** Where an upstream is. */
export interface Target {
  readonly protocol: 'http:' | 'https:';
  /** Without the brackets of an IPv6 address; `localhost` for a socket. */
  readonly host: string;
  readonly port: number;
  readonly socketPath: string | undefined;
  /** Put in front of each request's path: '' or '/x' without a trailing slash. */
  readonly basePath: string;
  /** As written. */
  readonly href: string;
}

/** PEM contents, not paths. */
export interface TlsConfig {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly serverName?: string;
  readonly insecureSkipVerify: boolean;
}

export interface RouteMatch {
  /** In capitals; undefined: every method. */
  readonly methods: readonly string[] | undefined;
  /** Exact, ending in `/*`, or with `:name` segments; undefined: every path. */
  readonly path: string | undefined;
}

export interface RouteConfig {
  readonly name: string;
  readonly match: RouteMatch;
  /** Effective: the upstream's with this route's keys laid over. */
  readonly policies: PolicySettings;
  /** The option paths that the route itself writes: `bulkhead`, `retry`, `retry.budget`, ... */
  readonly writes: ReadonlySet<string>;
}

export interface UpstreamConfig {
  readonly name: string;
  readonly listen: Address | undefined;
  /** On the shared listener: `/` or `/x/y` without a trailing slash. */
  readonly prefix: string | undefined;
  readonly target: Target;
  readonly preserveHost: boolean;
  readonly tls: TlsConfig | undefined;
  readonly policies: PolicySettings;
  readonly routes: readonly RouteConfig[];
}

export interface Config {
  readonly file: string;
  readonly admin: { readonly listen: Address; readonly token: string | undefined };
  readonly server: { readonly listen: Address };
  readonly log: LogOptions;
  readonly shutdown: ShutdownOptions;
  readonly limits: LimitOptions;
  readonly overload: OverloadSettings;
  readonly stores: StoreConfig;
  readonly upstreams: readonly UpstreamConfig[];
  /** The effective configuration in the file's notation, secrets redacted. */
  readonly document: Readonly<Record<string, unknown>>;
}

/** As it is written in the file. */
export function formatAddress(address: Address): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}
