/** Which requests a route is for: a pattern matched on the path as the upstream will resolve it. */

export interface MatchPattern {
  /** In capitals; undefined: every method. */
  readonly methods: readonly string[] | undefined;
  /** Exact, ending in `/*`, or with `:name` segments; undefined: every path. */
  readonly path: string | undefined;
}

/** @param path of a request target, query included. */
export type Matches = (method: string, path: string) => boolean;

/** Nothing in such a path can be resolved further. */
const RESOLVED = /^\/(?:[\w~!$&'()*+,;=:@-][\w.~!$&'()*+,;=:@-]*(?:\/|$))*$/;

/** Escapes of these keep their meaning apart from the character: they are structure, or no text. */
const KEPT_ESCAPE = /^[^!-~]$|^[/\\?#%]$/;

/** One spelling per character: printable ASCII as it is, all else as an escape in capitals. */
function unifyEscapes(path: string): string {
  return path.replace(/%[\da-f]{2}|[^!-~]/gi, (found) => {
    // Node hands a target's bytes over as Latin-1.
    if (found.length === 1) return escapeByte(found.codePointAt(0)! & 0xff);
    const character = String.fromCodePoint(Number.parseInt(found.slice(1), 16));
    return KEPT_ESCAPE.test(character) ? found.toUpperCase() : character;
  });
}

function escapeByte(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}

/**
 * The path that servers commonly make of a request target: query cut off, escapes of plain characters decoded,
 * backslashes read as slashes, slashes merged, dot segments removed (RFC 3986, section 5.2.4). An escaped slash stays
 * one: most servers keep `/a%2Fb` and `/a/b` apart.
 */
export function resolvePath(target: string): string {
  const end = target.search(/[?#]/);
  const path = end === -1 ? target : target.slice(0, end);
  if (RESOLVED.test(path)) return path;
  const segments: string[] = [];
  const parts = unifyEscapes(path).split(/[/\\]+/);
  for (const [i, part] of parts.entries()) {
    const isLast = i === parts.length - 1;
    if (part === '..') segments.pop();
    else if (part !== '.' && part !== '') segments.push(part);
    // What is left of `/a/.`, `/a/b/..` and `/a/` is a folder.
    if (isLast && (part === '' || part === '.' || part === '..')) segments.push('');
  }
  return `/${segments.join('/')}`;
}

/** A pattern's text, which is UTF-8, in the spelling of resolved paths. */
function resolveText(text: string): string {
  return unifyEscapes(Buffer.from(text, 'utf8').toString('latin1'));
}

function compilePath(pattern: string): (path: string) => boolean {
  const isOpen = pattern.endsWith('/*');
  const text = resolveText(isOpen ? pattern.slice(0, -1) : pattern);
  if (!text.includes('/:')) {
    return isOpen ? (path) => path.startsWith(text) : (path) => path === text;
  }
  const source = text
    .split('/')
    .map((segment) =>
      segment.startsWith(':') ? '[^/]+' : segment.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'),
    )
    .join('/');
  const expression = new RegExp(`^${source}${isOpen ? '' : '$'}`);
  return (path) => expression.test(path);
}

/**
 * `/search/*` is everything below `/search/`, itself included; `/search` is another resource. A `:name` is one
 * segment that is not empty. Methods are case-sensitive (RFC 9110, section 9.1).
 */
export function compileMatch({ methods, path: pattern }: MatchPattern): Matches {
  const fits = pattern === undefined ? undefined : compilePath(pattern);
  const allowed = methods === undefined ? undefined : new Set(methods);
  return (method, path) =>
    (allowed === undefined || allowed.has(method)) &&
    (fits === undefined || fits(resolvePath(path)));
}
