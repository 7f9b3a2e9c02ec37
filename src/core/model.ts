/** What the parts of the program tell each other about a configuration: where to listen, where an upstream is, which route. */

export type { MatchPattern as RouteMatch } from '../lib/path-tree.js';

/** Where to listen, or where a listener is. */
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

/** One of the targets of an upstream. */
export interface WeightedTarget {
  readonly target: Target;
  /** Of each of its endpoints; above 0. */
  readonly weight: number;
}

/** How to speak TLS with an upstream: PEM contents, not paths. */
export interface TlsOptions {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly serverName?: string;
  readonly insecureSkipVerify: boolean;
}
