/** A file of another program, read with a record of which of its keys have been used. */
import { formatPath, type Path, type Position } from '../config/syntax/diagnostics.js';
import { entriesOf, itemsOf, type SourceNode } from '../config/syntax/source.js';
import { isSecret, show } from './show.js';

export interface ForeignFile {
  /** As on the command line. */
  readonly name: string;
  /** Gives the spellings of a key that its program takes for the same one form. */
  readonly unify: (key: string) => string;
}

type Told = (text: string) => void;

/** Which values have been used, and who is told of those that have not: by path. */
interface Records {
  readonly used: Set<string>;
  readonly owners: Map<string, Told>;
}

/** Of a path in a comment. */
const SHOWN_STEPS = 3;

/** One value of the file. */
export class Foreign {
  readonly file: ForeignFile;
  readonly path: Path;
  readonly node: SourceNode;
  readonly #position: Position;
  readonly #records: Records;
  /** It is a secret, or a part of one. */
  readonly #isSecret: boolean;

  private constructor(
    file: ForeignFile,
    node: SourceNode,
    path: Path,
    position: Position,
    records: Records,
    isHidden = false,
  ) {
    this.file = file;
    this.node = node;
    this.path = path;
    this.#position = position;
    this.#records = records;
    this.#isSecret = isHidden;
  }

  /** @param path in front of the keys of the document; of several documents each has its own. */
  static document(file: ForeignFile, node: SourceNode, path: Path = []): Foreign {
    return new Foreign(file, node, path, node.position, { used: new Set(), owners: new Map() });
  }

  #part(step: string | number, node: SourceNode, position: Position, isHidden: boolean): Foreign {
    const path = [...this.path, step];
    return new Foreign(this.file, node, path, position, this.#records, this.#isSecret || isHidden);
  }

  /** The value of the first of these keys that is there. */
  get(...keys: readonly string[]): Foreign | undefined {
    const wanted = new Set(keys.map(this.file.unify));
    return this.entries().find(([key]) => wanted.has(this.file.unify(key)))?.[1];
  }

  /** A value further down. */
  at(...path: readonly string[]): Foreign | undefined {
    return path.reduce<Foreign | undefined>((found, key) => found?.get(key), this);
  }

  /** Of a mapping. */
  entries(): (readonly [key: string, value: Foreign])[] {
    const entries = entriesOf(this.node);
    return [...entries].map(([key, entry]) => {
      const part = this.#part(key, entry.value, entry.key, isSecret(key, entries));
      return [key, part] as const;
    });
  }

  /** Of a list. A single value stands for a list of it. */
  items(): Foreign[] {
    if (this.node.kind === 'scalar') return [this];
    return itemsOf(this.node).map((item, i) => this.#part(i, item, item.position, false));
  }

  /** A single value as text, and counts as used; undefined for mappings, lists and null. */
  text(): string | undefined {
    if (this.node.kind !== 'scalar' || this.node.value === null) return undefined;
    this.#records.used.add(this.#id);
    return String(this.node.value).trim();
  }

  /** As `text`, but does not count as used. */
  peek(): string | undefined {
    const { node } = this;
    return node.kind === 'scalar' && node.value !== null ? String(node.value).trim() : undefined;
  }

  /** A single number, and counts as used. */
  number(): number | undefined {
    const text = this.text();
    return text !== undefined && /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : undefined;
  }

  flag(): boolean | undefined {
    const text = this.text()?.toLowerCase();
    return text === undefined ? undefined : ['true', 'yes', 'on'].includes(text);
  }

  /** Counts as used, with everything in it. */
  use(): this {
    this.#records.used.add(this.#id);
    for (const part of this.#parts()) part.use();
    return this;
  }

  /** Says who is told of what has not been used in here. */
  belongsTo(told: Told): this {
    this.#records.owners.set(this.#id, told);
    return this;
  }

  get key(): string {
    return String(this.path.at(-1) ?? '');
  }

  /** `FILE:LINE` */
  get where(): string {
    return `${this.file.name}:${this.#position.line}`;
  }

  /** `KEY: VALUE` on one line. */
  get written(): string {
    const step = this.path.findLast((each) => typeof each === 'string') ?? '';
    return `${step}: ${show(this.node, this.#isSecret)}`;
  }

  /** `FILE:LINE KEY: VALUE` */
  get origin(): string {
    return `${this.where} ${this.written}`;
  }

  /** The path from the top of its document. */
  get fullPath(): string {
    return formatPath(this.path);
  }

  /** The end of the path, which is enough beside the line. */
  get shortPath(): string {
    const end = this.path.slice(-SHOWN_STEPS);
    return formatPath(
      end.slice(
        Math.max(
          0,
          end.findIndex((step) => typeof step === 'string'),
        ),
      ),
    );
  }

  /** The keys that lead to it and those in it, the nearest ones first. */
  nearKeys(): string[] {
    const outer = this.path.filter((step) => typeof step === 'string').toReversed();
    return [...outer.slice(0, 1), ...this.#innerKeys(), ...outer.slice(1, SHOWN_STEPS)];
  }

  #innerKeys(): string[] {
    return this.#parts().flatMap((part) => [part.key, ...part.#innerKeys()]);
  }

  /** Tells of each part that has not been used: of a mapping as a whole if nothing in it has been. */
  tellUnused(fallback: Told, reasonOf: (part: Foreign) => string): void {
    const told = this.#records.owners.get(this.#id) ?? fallback;
    if (this.#records.used.has(this.#id) && this.#parts().length === 0) return;
    if (!this.#isTouched()) {
      const value = show(this.node, this.#isSecret);
      told(`${this.where} ${this.shortPath}: ${value}: ${reasonOf(this)}.`);
      return;
    }
    for (const part of this.#parts()) part.tellUnused(told, reasonOf);
  }

  /** Whether something in it has been used, or has an owner of its own. */
  #isTouched(): boolean {
    if (this.#records.used.has(this.#id)) return true;
    return this.#parts().some((part) => part.#records.owners.has(part.#id) || part.#isTouched());
  }

  #parts(): Foreign[] {
    return this.node.kind === 'list' ? this.items() : this.entries().map(([, value]) => value);
  }

  get #id(): string {
    return JSON.stringify(this.path);
  }
}
