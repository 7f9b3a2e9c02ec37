/** A part of the file that an import makes: keys with the place that each value comes from, and comments. */
import type { WrittenEntry, WrittenMap, WrittenScalar } from '../config/syntax/write.js';
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
