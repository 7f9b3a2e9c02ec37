/** Edits of a YAML text that leave all else as it is: comments, order, quotes and spaces. */
import { isCollection, isMap, isPair, isScalar, stringify } from 'yaml';
import type { Pair, YAMLMap, YAMLSeq } from 'yaml';

interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
  /**
   * Of edits at one place, the lowest comes first: what ends there, the deepest of them first, and then what begins there.
   */
  readonly rank: number;
}

/** Of what begins at a place. */
const BEGINS = 1;

type Ranged = { readonly range?: readonly [number, number, number] | null };

const rangeOf = (node: unknown) => (node as Ranged | null)?.range ?? [0, 0, 0];

/** Where the value of a key or the item of a list ends, without the comment behind it. */
function endOf(node: unknown): number {
  if (isPair(node)) {
    const { key, value } = node as Pair;
    const end = value === null ? 0 : endOf(value);
    return Math.max(end, rangeOf(key)[1]);
  }
  if (isCollection(node) && node.flow !== true && node.items.length > 0) {
    return endOf(node.items.at(-1));
  }
  return rangeOf(node)[1];
}

export class Splice {
  readonly #source: string;
  readonly #newLine: string;
  readonly #edits: Edit[] = [];

  /** @param source as the parser has read it. */
  constructor(source: string) {
    this.#source = source;
    this.#newLine = source.includes('\r\n') ? '\r\n' : '\n';
  }

  get isChanged(): boolean {
    return this.#edits.length > 0;
  }

  /** Gives a single value in place of another one. */
  replaceScalar(node: unknown, value: string): void {
    const [from, end] = rangeOf(node);
    // A block after `|` ends with its newline.
    const to =
      this.#source[end! - 1] === '\n' ? this.#startOfLine(end!) - this.#newLine.length : end!;
    this.#edits.push({ from: from!, to, text: JSON.stringify(value), rank: BEGINS });
  }

  /** Adds a key at the end of a mapping, or in front of its key `before`, with the comments above that. */
  addKey(map: YAMLMap, key: string, value: unknown, before?: string): void {
    if (map.flow === true) {
      this.#addToFlow(map, `${JSON.stringify(key)}: ${JSON.stringify(value)}`);
      return;
    }
    const indent = this.#columnOf(rangeOf((map.items[0] as Pair).key)[0]!);
    const text = this.#write({ [key]: value }, indent, this.#indentsLists(map));
    const next = map.items.find((pair) => isScalar(pair.key) && pair.key.value === before);
    const start = next === undefined ? undefined : this.#startOfLines(rangeOf(next.key)[0]!);
    if (start === undefined) this.#insertAfter(endOf(map), text, indent);
    else this.#insert(start, text);
  }

  /** Puts a value where a key has none, or null. */
  setEmpty(map: YAMLMap, pair: Pair, value: unknown): void {
    const { key, value: empty } = pair;
    const name = String(isScalar(key) ? key.value : key);
    const from = rangeOf(key)[0]!;
    const to = Math.max(rangeOf(key)[1]!, endOf(empty));
    if (map.flow === true) {
      const text = `${JSON.stringify(name)}: ${JSON.stringify(value)}`;
      this.#edits.push({ from, to, text, rank: BEGINS });
      return;
    }
    const text = this.#write({ [name]: value }, this.#columnOf(from), this.#indentsLists(map));
    const isColonLeft = rangeOf(empty)[1]! <= rangeOf(key)[1]!;
    const colon = isColonLeft ? this.#source.indexOf(':', to) + 1 : to;
    this.#edits.push({ from, to: colon, text: text.trim(), rank: BEGINS });
  }

  /** Adds items to a list, in front of the others or behind them. */
  addItems(list: YAMLSeq, items: readonly unknown[], place: 'first' | 'last'): void {
    if (list.flow === true) {
      this.#addToFlow(list, items.map((item) => JSON.stringify(item)).join(', '), place);
      return;
    }
    const start = rangeOf(list)[0]!;
    const indent = this.#columnOf(start);
    const text = this.#write(items, indent, true);
    if (place === 'last') this.#insertAfter(endOf(list), text, indent);
    else this.#insert(this.#startOfLine(start), text);
  }

  /** The text with all edits. */
  apply(): string {
    let text = this.#source;
    const edits = this.#edits.toSorted((a, b) => a.from - b.from || a.rank - b.rank);
    // From the end, so that places stay right.
    for (const edit of edits.toReversed()) {
      text = text.slice(0, edit.from) + edit.text + text.slice(edit.to);
    }
    return text;
  }

  #addToFlow(node: YAMLMap | YAMLSeq, text: string, place: 'first' | 'last' = 'last'): void {
    const open = rangeOf(node)[0]! + 1;
    if (node.items.length === 0) this.#insert(open, text);
    else if (place === 'first') this.#insert(open, `${text}, `);
    else this.#insert(endOf(node.items.at(-1)), `, ${text}`);
  }

  #insert(at: number, text: string, rank = BEGINS): void {
    this.#edits.push({ from: at, to: at, text, rank });
  }

  /** In the lines after the one that ends there. */
  #insertAfter(end: number, text: string, indent: number): void {
    const isLineEnd = this.#source[end - 1] === '\n';
    const lineEnd = isLineEnd ? end - 1 : this.#source.indexOf('\n', end);
    if (lineEnd === -1) this.#insert(this.#source.length, this.#newLine + text.trimEnd(), -indent);
    else this.#insert(lineEnd + 1, text, -indent);
  }

  #startOfLine(offset: number): number {
    return this.#source.lastIndexOf('\n', offset - 1) + 1;
  }

  #columnOf(offset: number): number {
    return offset - this.#startOfLine(offset);
  }

  /** The line of the key, or the first of the comments above it; undefined where something stands before the key. */
  #startOfLines(offset: number): number | undefined {
    let start = this.#startOfLine(offset);
    if (this.#source.slice(start, offset).trim() !== '') return undefined;
    while (start > 0) {
      const above = this.#startOfLine(start - 1);
      if (!/^[ \t]*#/.test(this.#source.slice(above, start))) break;
      start = above;
    }
    return start;
  }

  /** Whether lists below keys are indented in this mapping, as far as it shows. */
  #indentsLists(map: YAMLMap): boolean {
    for (const { key, value } of map.items as Pair[]) {
      if (!isCollection(value) || value.flow === true || isMap(value)) continue;
      return this.#columnOf(rangeOf(value)[0]!) > this.#columnOf(rangeOf(key)[0]!);
    }
    return true;
  }

  #write(value: unknown, indent: number, indentSeq: boolean): string {
    const lines = stringify(value, { indentSeq, lineWidth: 0 }).trimEnd().split('\n');
    return lines.map((line) => `${' '.repeat(indent)}${line}${this.#newLine}`).join('');
  }
}
