/** Which route a request takes: patterns matched on the path as the upstream will resolve it. */

export interface MatchPattern {
  /** In capitals; undefined: every method. */
  readonly methods: readonly string[] | undefined;
  /** Exact, ending in `/*`, or with `:name` segments; undefined: every path. */
  readonly path: string | undefined;
}

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
 * one: most servers keep `/a%2Fb` and `/a/b` apart. `*`, the server as a whole, matches as `/` does.
 */
export function resolvePath(target: string): string {
  const end = target.search(/[?#]/);
  const path = end === -1 ? target : target.slice(0, end);
  if (RESOLVED.test(path)) return path;
  if (path === '*') return '/';
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
export function resolvePattern(text: string): string {
  return unifyEscapes(Buffer.from(text, 'utf8').toString('latin1'));
}

/** A place in the tree of all patterns: what the segments up to here have in common. */
class Place {
  /** Undefined where no pattern goes on: most places of most tables are the end of one. */
  literal: Map<string, Place> | undefined;
  named: Place | undefined;
  /** Patterns that end here, by their numbers, least first. */
  readonly exact: number[] = [];
  /** Patterns that end with `/*` here. */
  readonly open: number[] = [];
}

/**
 * Finds the first of a list of patterns that fits, in a time that does not grow with their number: a tree of path
 * segments, as in most routers of web frameworks.
 */
export class RouteTable {
  readonly #allowed: readonly (readonly string[] | undefined)[];
  /** Patterns without a path, which fit every one. */
  readonly #pathless: number[] = [];
  readonly #root = new Place();
  readonly #hasPaths: boolean;

  constructor(patterns: readonly MatchPattern[]) {
    this.#allowed = patterns.map(({ methods }) => methods);
    for (const [number, { path }] of patterns.entries()) {
      if (path === undefined) this.#pathless.push(number);
      else this.#add(path, number);
    }
    this.#hasPaths = this.#pathless.length < patterns.length;
  }

  /**
   * `/search/*` is everything below `/search/`, itself included; `/search` is another resource. A `:name` is one
   * segment that is not empty. Methods are case-sensitive (RFC 9110, section 9.1).
   * @param target of a request, query included.
   * @returns the number of the pattern, or -1.
   */
  find(method: string, target: string): number {
    let found = this.#first(this.#pathless, method, Infinity);
    if (this.#hasPaths) found = this.#walk(this.#root, resolvePath(target), 1, method, found);
    return found === Infinity ? -1 : found;
  }

  #add(pattern: string, number: number): void {
    const isOpen = pattern.endsWith('/*');
    const [, ...segments] = resolvePattern(isOpen ? pattern.slice(0, -2) : pattern).split('/');
    let place = this.#root;
    for (const segment of segments) {
      let next = segment.startsWith(':') ? place.named : place.literal?.get(segment);
      if (next === undefined) {
        next = new Place();
        if (segment.startsWith(':')) place.named = next;
        else (place.literal ??= new Map()).set(segment, next);
      }
      place = next;
    }
    (isOpen ? place.open : place.exact).push(number);
  }

  /** @param from where the next segment begins. @returns the least fitting number, or `found` where that is less. */
  #walk(place: Place, path: string, from: number, method: string, found: number): number {
    let least = this.#first(place.open, method, found);
    const slash = path.indexOf('/', from);
    const segment = slash === -1 ? path.slice(from) : path.slice(from, slash);
    for (const next of [place.literal?.get(segment), segment === '' ? undefined : place.named]) {
      if (next === undefined) continue;
      least =
        slash === -1
          ? this.#first(next.exact, method, least)
          : this.#walk(next, path, slash + 1, method, least);
    }
    return least;
  }

  #first(numbers: readonly number[], method: string, found: number): number {
    for (const number of numbers) {
      if (number >= found) break;
      if (this.#allowed[number]?.includes(method) !== false) return number;
    }
    return found;
  }
}
