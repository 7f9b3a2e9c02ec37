/** The Breakwater file that an import makes. */
import { formatPath } from '../config/syntax/diagnostics.js';
import { fileSchemas } from '../config/schema/schema.js';
import { writeYaml, type WrittenMap } from '../config/syntax/write.js';
import { policies } from '../policies/index.js';
import { Part } from './part.js';

/** Of an upstream that has no address in its source. */
const FIRST_PORT = 8101;

/** As in the schema, which has the policies in their order. */
const ORDER = Object.keys(fileSchemas(policies).upstream.properties);

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

/** Where such a name is read as an address, or as no host at all, another name stands for it: `7` would be 0.0.0.7. */
function targetFor(name: string): string {
  const url = `http://${name}:80`;
  const isHost = URL.canParse(url) && new URL(url).hostname === name.toLowerCase();
  return isHost ? url : `http://upstream-${name.replaceAll('.', '-')}:80`;
}

/** Upstreams and routes end up in metric labels and admin URLs. */
const allowName = (name: string) =>
  name
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .replace(/-+$/, '') || 'unnamed';
