/** Addresses to listen on, targets to call, prefixes and route patterns: read, or told what is wrong with them. */
import type { Address, Target } from '../../../core/model.js';
import { isIPv6 } from 'node:net';
import { resolvePath } from '../../../lib/path-tree.js';
import { foreignPatternProblem, foreignPrefixProblem } from './foreign-paths.js';

/** Either what was read or what is wrong with it. */
export type Read<T> = { readonly value: T } | { readonly problem: string };

/** Longest path of a Unix socket on every system there is (macOS has 104 with the NUL). */
const MAX_SOCKET_PATH = 103;

const ADDRESS_FORMS = 'host:port, [v6]:port, port (on 127.0.0.1) or unix:/path.sock';

function parsePort(text: string): number | undefined {
  const port = /^(0|[1-9]\d{0,4})$/.test(text) ? Number(text) : -1;
  return port >= 0 && port <= 65_535 ? port : undefined;
}

function readSocketPath(path: string): Read<string> {
  if (!path.startsWith('/')) return { problem: 'the path of a Unix socket must start with /' };
  if (path.includes('\0')) return { problem: 'the path of a Unix socket cannot contain a NUL' };
  return Buffer.byteLength(path) > MAX_SOCKET_PATH
    ? { problem: `the path of a Unix socket can have at most ${MAX_SOCKET_PATH} bytes` }
    : { value: path };
}

/** `host:port`, `[v6]:port`, `port`, `unix:/path.sock`. */
export function parseAddress(written: string | number): Read<Address> {
  const text = String(written);
  if (text.startsWith('unix:')) {
    const path = readSocketPath(text.slice('unix:'.length));
    return 'problem' in path ? path : { value: { kind: 'unix', path: path.value } };
  }
  const forms = `must be ${ADDRESS_FORMS}, but is ${JSON.stringify(written)}`;
  const match = /^(?:(\[[^\]]*\]|[^:]*):)?([^:]*)$/.exec(text);
  if (match === null) {
    return { problem: isIPv6(text) ? `${forms}; did you mean "[${text}]:PORT"?` : forms };
  }
  const host = match[1] ?? '127.0.0.1';
  const port = parsePort(match[2]!);
  if (host === '' || host === '*') {
    return { problem: `${forms}; every interface is "0.0.0.0:PORT" or "[::]:PORT"` };
  }
  if (port === undefined) {
    const isNumber = /^-?\d+$/.test(match[2]!);
    return { problem: isNumber ? `the port must be from 0 to 65535, but is ${match[2]}` : forms };
  }
  if (host.startsWith('[')) {
    const v6 = host.slice(1, -1);
    if (!isIPv6(v6)) return { problem: `${v6} is not an IPv6 address` };
    return { value: { kind: 'tcp', host: v6.toLowerCase(), port } };
  }
  return /^[a-z\d]([a-z\d._-]*[a-z\d])?$/i.test(host)
    ? { value: { kind: 'tcp', host: host.toLowerCase(), port } }
    : { problem: forms };
}

const sameHost: Readonly<Record<string, string>> = { localhost: '127.0.0.1' };

/** Whether both cannot be listened on at once, as far as the text tells. Port 0 is a new one each time. */
export function collide(a: Address, b: Address): boolean {
  if (a.kind === 'unix' || b.kind === 'unix') {
    return a.kind === 'unix' && b.kind === 'unix' && a.path === b.path;
  }
  if (a.port !== b.port || a.port === 0) return false;
  const hosts = [a.host, b.host].map((host) => sameHost[host] ?? host) as [string, string];
  if (hosts[0] === hosts[1]) return true;
  // `::` takes IPv4 as well.
  return hosts.includes('::') || (hosts.includes('0.0.0.0') && !hosts.some((host) => isIPv6(host)));
}

const TARGET_FORMS =
  'must be a URL: http://host:port, https://host:port or http+unix://%2Fpath.sock, each with an optional path';

/** A URL that cannot be read, for a message: what comes before an @ may be a password. */
export const quoteUrl = (text: string): string => JSON.stringify(text.replace(/^.*@/s, '***@'));

/** Messages never show a target that may hold a password. */
export function parseTarget(href: string): Read<Target> {
  const scheme = /^(https?|http\+unix):\/\//i.exec(href)?.[1]?.toLowerCase();
  if (/^([^/?#]*\/\/)?[^/?#]*@/.test(href)) {
    return { problem: 'must not contain a user name or password; send credentials in a header' };
  }
  if (scheme === undefined) {
    const guess = /^[\w.-]+(:\d+)?(\/|$)/.test(href) ? `; did you mean "http://${href}"?` : '';
    return { problem: `${TARGET_FORMS}, but is ${quoteUrl(href)}${guess}` };
  }
  if (/[?#]/.test(href)) return { problem: 'must not contain a query (?) or a fragment (#)' };
  if (/[\s\\]/.test(href)) return { problem: 'must not contain white space or a backslash' };
  return scheme === 'http+unix' ? parseSocketTarget(href) : parseWebTarget(href);
}

const trimSlashes = (path: string) => path.replace(/\/+$/, '');

function parseWebTarget(href: string): Read<Target> {
  if (!URL.canParse(href)) {
    return { problem: `is not a valid URL: ${quoteUrl(href)}; ${TARGET_FORMS}` };
  }
  const { protocol, hostname, port, pathname } = new URL(href);
  if (port === '0') return { problem: 'nothing can listen on port 0' };
  const isTls = protocol === 'https:';
  return {
    value: {
      protocol: isTls ? 'https:' : 'http:',
      host: hostname.replace(/^\[(.*)\]$/, '$1'),
      port: port === '' ? (isTls ? 443 : 80) : Number(port),
      socketPath: undefined,
      basePath: trimSlashes(pathname),
      href,
    },
  };
}

function parseSocketTarget(href: string): Read<Target> {
  const rest = href.slice('http+unix://'.length);
  const slash = rest.indexOf('/');
  const authority = slash === -1 ? rest : rest.slice(0, slash);
  if (authority === '') {
    const guess =
      trimSlashes(rest) === '' ? '' : `; did you mean "http+unix://${encodeURIComponent(rest)}"?`;
    return { problem: `the slashes of the socket's path must be written as %2F${guess}` };
  }
  let decoded: string;
  try {
    decoded = decodeURIComponent(authority);
  } catch {
    return { problem: `the socket's path ${JSON.stringify(authority)} is not percent-encoded` };
  }
  const path = readSocketPath(decoded);
  if ('problem' in path) return path;
  const { pathname } = new URL(`http://localhost${slash === -1 ? '/' : rest.slice(slash)}`);
  return {
    value: {
      protocol: 'http:',
      host: 'localhost',
      port: 80,
      socketPath: path.value,
      basePath: trimSlashes(pathname),
      href,
    },
  };
}

function pathProblem(path: string): string | undefined {
  if (!path.startsWith('/')) return 'must start with /';
  if (/[?#\\\s]/.test(path)) return 'must not contain ?, #, a backslash or white space';
  if (path.includes('//')) return 'must not contain an empty segment (//)';
  const { length } = resolvePath(path).split('/');
  return length === path.split('/').length && !/\/\.{1,2}(\/|$)/.test(path)
    ? undefined
    : 'must not contain the segments . and ..';
}

/** `/` takes all that no longer prefix does. @returns what is wrong. */
export function prefixProblem(prefix: string): string | undefined {
  if (prefix === '/') return undefined;
  const problem = foreignPrefixProblem(prefix) ?? pathProblem(prefix);
  if (problem !== undefined) return problem;
  if (/[^!-~]/.test(prefix)) return 'must be percent-encoded: it is compared as it arrives';
  return prefix.endsWith('/')
    ? `must not end in /; write ${JSON.stringify(trimSlashes(prefix))}`
    : undefined;
}

/** @returns what is wrong with a route's path. */
export function patternProblem(pattern: string): string | undefined {
  const problem = foreignPatternProblem(pattern) ?? pathProblem(pattern);
  if (problem !== undefined) return problem;
  for (const segment of pattern.replace(/\/\*$/, '/').split('/')) {
    if (segment.includes('*')) return '* can only be the whole last segment, as in /search/*';
    if (segment.startsWith(':') && !/^:[A-Za-z_]\w*$/.test(segment)) {
      return `${JSON.stringify(segment)} is not a segment name; a name is : and letters, digits or _`;
    }
  }
  return undefined;
}
