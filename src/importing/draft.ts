/** The Breakwater file that an import makes: keys with the place that each value comes from, and comments. */
import {
  writeYaml,
  type WrittenEntry,
  type WrittenMap,
  type WrittenScalar,
} from '../config/syntax/write.js';
import { formatPath } from '../config/syntax/diagnostics.js';
import type { Foreign } from './foreign.js';

type Value = WrittenScalar | readonly WrittenScalar[];

/** An upstream, a route, or what all upstreams have. */
export class Part {
  readonly map: WrittenMap = new Map();
  /** Comments on it as a whole. */
  readonly notes: string[] = [];
  readonly #tell: (text: string) => void;

  /** @param tell writes comments at the top of the file. */
  constructor(tell: (text: string) => void = () => {}) {
    this.#tell = tell;
  }

  /** A comment that holds for all upstreams: it stands once, at the top of the file. */
  differs(text: string): this {
    this.#tell(text);
    return this;
  }

  /**
   * @param path `retry.maxAttempts`
   * @param from the value that it comes from, or words on where it comes from.
   * @param notes what is different here: comments above the key.
   */
  set(path: string, value: Value, from?: Foreign | string, ...notes: readonly string[]): this {
    const entry = this.#entry(path);
    entry.value = value;
    entry.behind = typeof from === 'string' || from === undefined ? from : from.origin;
    for (const note of notes) if (!entry.above.includes(note)) entry.above.push(note);
    return this;
  }

  /** A list of mappings. */
  setParts(path: string, parts: readonly Part[]): this {
    this.#entry(path).value = parts.map(({ map }) => map);
    return this;
  }

  /** A comment above a key that is there, or else on the part as a whole. */
  note(text: string, path?: string): this {
    const above = path !== undefined && this.has(path) ? this.#entry(path).above : this.notes;
    if (!above.includes(text)) above.push(text);
    return this;
  }

  has(path: string): boolean {
    let entry: WrittenEntry | undefined;
    let map: WrittenMap | undefined = this.map;
    for (const key of path.split('.')) {
      entry = map?.get(key);
      map = entry?.value instanceof Map ? entry.value : undefined;
    }
    return entry !== undefined;
  }

  /**
   * Takes out the value at a path, or the nearest value around it, and tells of it.
   * @returns whether there was one.
   */
  reject(path: string, why: string): boolean {
    let found: { map: WrittenMap; key: string; entry: WrittenEntry } | undefined;
    let map: WrittenMap | undefined = this.map;
    for (const key of path.split(/[.[]/)) {
      const entry: WrittenEntry | undefined = map?.get(key);
      if (map === undefined || entry === undefined) break;
      found = { map, key, entry };
      map = entry.value instanceof Map ? entry.value : undefined;
    }
    if (found === undefined) return false;
    found.map.delete(found.key);
    this.note(`${found.entry.behind ?? found.key}: this is left out: ${why}`);
    for (const note of found.entry.above) this.note(note);
    return true;
  }

  /** The top-level keys in this order, then the others. */
  ordered(keys: readonly string[]): WrittenMap {
    const rank = ([key]: readonly [string, unknown]) => {
      const at = keys.indexOf(key);
      return at === -1 ? keys.length : at;
    };
    return new Map([...this.map].toSorted((a, b) => rank(a) - rank(b)));
  }

  #entry(path: string): WrittenEntry {
    let map = this.map;
    const keys = path.split('.');
    for (const [i, key] of keys.entries()) {
      let entry = map.get(key);
      if (entry === undefined) map.set(key, (entry = { above: [], value: 'off' }));
      if (i === keys.length - 1) return entry;
      if (!(entry.value instanceof Map)) {
        entry.value = new Map();
        entry.behind = undefined;
      }
      map = entry.value as WrittenMap;
    }
    throw new Error('Cannot write a value because its path is empty');
  }
}

/** Of an upstream that has no address in its source. */
const FIRST_PORT = 8101;

const ORDER = [
  'listen',
  'target',
  'targets',
  'protocol',
  'preserveHost',
  'tls',
  'resolve',
  'balance',
  'ejection',
  'healthCheck',
  'slowStart',
  'rateLimit',
  'timeout',
  'deadline',
  'bulkhead',
  'retry',
  'hedge',
  'circuitBreaker',
  'fallback',
  'routes',
];

export class Draft {
  /** Comments at the top of the file. */
  readonly head: string[] = [];
  /** Keys of the file that belong to no upstream. */
  readonly top = new Part();
  readonly defaults = new Part((text) => this.tell(text));
  readonly #upstreams = new Map<string, Part>();
  readonly #routes = new Map<Part, Part[]>();

  get upstreams(): ReadonlyMap<string, Part> {
    return this.#upstreams;
  }

  readonly tell = (text: string): void => {
    if (!this.head.includes(text)) this.head.push(text);
  };

  /** The upstream of that name, which is made if it is not there. */
  upstream(name: string): Part {
    const allowed = allowName(name);
    let part = this.#upstreams.get(allowed);
    if (part === undefined) {
      this.#upstreams.set(allowed, (part = new Part(this.tell)));
      if (allowed !== name) {
        part.note(`Its name was ${JSON.stringify(name)}, which has characters not allowed here.`);
      }
    }
    return part;
  }

  /** A new route of an upstream, after those that it has. */
  route(upstream: Part, name: string): Part {
    const routes = this.#routes.get(upstream) ?? [];
    const taken = new Set(routes.map(({ map }) => map.get('name')?.value));
    let allowed = allowName(name);
    for (let n = 2; taken.has(allowed); n += 1) allowed = `${allowName(name)}-${n}`;
    const route = new Part(this.tell).set('name', allowed);
    this.#routes.set(upstream, [...routes, route]);
    return route;
  }

  /**
   * Takes out a value that Breakwater refuses, and tells of it.
   * @param path of a diagnostic: `upstreams.a.routes[0].retry.statuses[1]`
   * @returns whether there was one.
   */
  reject(path: string, why: string): boolean {
    const parts: [prefix: string, part: Part][] = [['defaults', this.defaults]];
    for (const [name, part] of this.#upstreams) {
      const prefix = formatPath(['upstreams', name]);
      for (const [i, route] of (this.#routes.get(part) ?? []).entries()) {
        parts.push([`${prefix}.routes[${i}]`, route]);
      }
      parts.push([prefix, part]);
    }
    const [prefix, part] = parts.find(([prefix]) => path.startsWith(`${prefix}.`)) ?? [
      undefined,
      this.top,
    ];
    return part.reject(prefix === undefined ? path : path.slice(prefix.length + 1), why);
  }

  toString(): string {
    for (const note of this.top.notes) this.tell(note);
    const file: WrittenMap = new Map(this.top.map);
    if (this.defaults.map.size > 0) {
      file.set('defaults', { above: this.defaults.notes, value: this.defaults.ordered(ORDER) });
    }
    const upstreams: WrittenMap = new Map();
    const ports = this.#freePorts();
    for (const [name, part] of this.#upstreams) {
      if (!part.has('listen')) {
        part.set('listen', ports(), 'change it: the port that clients on this machine call');
      }
      if (!part.has('target') && !part.has('targets')) {
        part.set('target', targetFor(name), 'change it: the source has no address');
      }
      const value = part.ordered(ORDER);
      const routes = this.#routes.get(part) ?? [];
      if (routes.length > 0) {
        value.set('routes', { above: [], value: routes.map((route) => route.ordered(['name'])) });
        for (const note of routes.flatMap(({ notes }) => notes)) part.note(note);
      }
      upstreams.set(name, { above: part.notes, value });
    }
    file.set('upstreams', { above: [], value: upstreams });
    return writeYaml(file, this.head);
  }

  /** Counts up, and leaves out the ports that upstreams have already. */
  #freePorts(): () => number {
    const taken = new Set(
      [...this.#upstreams.values()].map(({ map }) => {
        const listen = map.get('listen')?.value;
        return typeof listen === 'string' ? Number(/\d+$/.exec(listen)?.[0]) : listen;
      }),
    );
    let port = FIRST_PORT - 1;
    return () => {
      do port += 1;
      while (taken.has(port));
      return port;
    };
  }
}

/** Numbers alone would be read as an address. */
const targetFor = (name: string) =>
  URL.canParse(`http://${name}:80`) ? `http://${name}:80` : `http://upstream-${name}:80`;

/** Upstreams and routes end up in metric labels and admin URLs. */
const allowName = (name: string) =>
  name
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .replace(/-+$/, '') || 'unnamed';
