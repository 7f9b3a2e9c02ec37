/**
 * Reads the YAML that nearly all configuration files are written in, many times as fast as the parser, which makes objects and
 * generators for each piece of a text. On anything else, and on each mistake, it gives up: then the parser reads the file. What
 * is read here is what the parser would have made of it, positions included.
 *
 * Read here are mappings and lists by indentation, mappings and lists between braces and brackets in one line, values in one line
 * with or without quotes, and comments. Left to the parser are anchors, aliases, `<<`, tags, `|`, `>`, `---`, whatever goes on
 * in the next line, keys without a value, tabs and carriage returns.
 */
import type { Position } from './diagnostics.js';
import { fillScalar, interpolate, type Environment } from './interpolate.js';
import type { ScalarValue, SourceEntry, SourceNode } from './source.js';
import * as simple from './simple-tokens.js';
import { parseScalar } from './yaml-text.js';

/** Of mappings and lists in each other: more than a configuration has, and less than the parser allows. */
const MAX_DEPTH = 40;

class NotSimple extends Error {}

function giveUp(): never {
  throw new NotSimple();
}

/**
 * @param text without a byte order mark.
 * @param file as in positions: the name of an included file.
 * @returns undefined where the parser has to read the text.
 */
export function readSimple(text: string, env: Environment, file?: string): SourceNode | undefined {
  if (simple.SPECIAL.test(text)) return undefined;
  try {
    return new SimpleReader(text, env, file).read();
  } catch (error) {
    // V8 has no room to find the end of some values of millions of characters.
    if (error instanceof NotSimple || error instanceof RangeError) return undefined;
    throw error;
  }
}

class SimpleReader {
  readonly #text: string;
  readonly #env: Environment;
  readonly #file: string | undefined;
  /** What the parser has made of values. */
  readonly #parsed = new Map<string, ScalarValue>();
  #at = 0;
  #line = 1;
  #lineStart = 0;
  /** Of the line that has been come to; -1 at the end of the text. */
  #indent = -1;
  #depth = 0;

  constructor(text: string, env: Environment, file: string | undefined) {
    this.#text = text;
    this.#env = env;
    this.#file = file;
  }

  read(): SourceNode {
    this.#findContent();
    const root = this.#indent === 0 ? this.#readBlockMap(0) : giveUp();
    // Otherwise a line is indented as none of the mappings and lists that it may belong to.
    return this.#indent === -1 ? root : giveUp();
  }

  /** From the beginning of a line to the next content. */
  #findContent(): void {
    this.#lineStart = this.#at;
    while (this.#skip(simple.EMPTY_LINE)) {
      this.#line += 1;
      this.#lineStart = this.#at;
    }
    this.#skip(simple.INDENTATION);
    this.#indent = this.#at === this.#text.length ? -1 : this.#at - this.#lineStart;
  }

  /** From the end of a value to the next content. */
  #endLine(): void {
    if (!this.#skip(simple.LINE_END)) giveUp();
    this.#line += 1;
    this.#findContent();
  }

  #readBlockMap(indent: number): SourceNode {
    const position = this.#enter();
    const entries = new Map<string, SourceEntry>();
    do {
      const key = this.#position();
      const name = this.#newKey(entries);
      entries.set(name, { key, value: this.#readBlockValue(indent) });
    } while (this.#indent === indent);
    this.#depth -= 1;
    return { kind: 'map', position, entries };
  }

  /** Behind a key. @param indent of the mapping. */
  #readBlockValue(indent: number): SourceNode {
    if (!this.#skip(simple.LINE_END)) return this.#readLineValue();
    this.#line += 1;
    this.#findContent();
    if (this.#indent >= indent && this.#text[this.#at] === '-') {
      return this.#readBlockList(this.#indent);
    }
    return this.#indent > indent ? this.#readBlockMap(this.#indent) : giveUp();
  }

  #readBlockList(indent: number): SourceNode {
    const position = this.#enter();
    const items: SourceNode[] = [];
    do {
      if (!this.#skip(simple.DASH)) giveUp();
      items.push(
        this.#isAt(simple.KEY)
          ? this.#readBlockMap(this.#at - this.#lineStart)
          : this.#readLineValue(),
      );
    } while (this.#indent === indent && this.#text[this.#at] === '-');
    this.#depth -= 1;
    return { kind: 'list', position, items };
  }

  /** The rest of the line. */
  #readLineValue(): SourceNode {
    this.#skip(simple.SPACES);
    const value = this.#readValue(simple.PLAIN);
    this.#endLine();
    return value;
  }

  #readValue(plain: RegExp): SourceNode {
    switch (this.#text[this.#at]) {
      case '{':
        return this.#readMap();
      case '[':
        return this.#readList();
      case '"':
      case "'":
        return this.#readQuoted();
      default: {
        const position = this.#position();
        const text = this.#take(plain);
        return this.#scalar(position, simple.MAYBE_NO_TEXT.test(text) ? this.#parse(text) : text);
      }
    }
  }

  #readMap(): SourceNode {
    const position = this.#enter();
    const entries = new Map<string, SourceEntry>();
    this.#readParts('}', () => {
      const key = this.#position();
      const name = this.#newKey(entries);
      this.#skip(simple.SPACES);
      entries.set(name, { key, value: this.#readValue(simple.PLAIN_INSIDE) });
    });
    return { kind: 'map', position, entries };
  }

  #readList(): SourceNode {
    const position = this.#enter();
    const items: SourceNode[] = [];
    this.#readParts(']', () => items.push(this.#readValue(simple.PLAIN_INSIDE)));
    return { kind: 'list', position, items };
  }

  /** What is between two brackets, with commas between and maybe behind the parts. */
  #readParts(end: string, readPart: () => void): void {
    this.#at += 1;
    this.#skip(simple.SPACES);
    while (this.#text[this.#at] !== end) {
      readPart();
      this.#skip(simple.SPACES);
      if (this.#text[this.#at] === ',') {
        this.#at += 1;
        this.#skip(simple.SPACES);
      } else if (this.#text[this.#at] !== end) giveUp();
    }
    this.#at += 1;
    this.#depth -= 1;
  }

  #readQuoted(): SourceNode {
    const position = this.#position();
    const quoted = this.#take(simple.QUOTED);
    const text = quoted.slice(1, -1);
    const isAsWritten = !text.includes(quoted[0] === '"' ? '\\' : "'");
    return this.#scalar(position, isAsWritten ? text : this.#parse(quoted), true);
  }

  #scalar(position: Position, value: ScalarValue, isQuoted = false): SourceNode {
    if (typeof value !== 'string' || !value.includes('${')) {
      return { kind: 'scalar', position, value };
    }
    const filled = interpolate(value, this.#env);
    return filled.problems.length === 0 ? fillScalar(filled, position, !isQuoted) : giveUp();
  }

  #parse(written: string): ScalarValue {
    const known = this.#parsed.get(written);
    if (known !== undefined) return known;
    const value = parseScalar(written);
    if (value === undefined) return giveUp();
    this.#parsed.set(written, value);
    return value;
  }

  /** @throws NotSimple where the mapping has it already. */
  #newKey(entries: ReadonlyMap<string, SourceEntry>): string {
    const written = this.#take(simple.KEY).slice(0, -1);
    const name = /^["']/.test(written) ? written.slice(1, -1) : written;
    return entries.has(name) ? giveUp() : name;
  }

  /** Goes on behind a match here. @returns whether there is one. */
  #skip(pattern: RegExp): boolean {
    if (!this.#isAt(pattern)) return false;
    this.#at = pattern.lastIndex;
    return true;
  }

  #take(pattern: RegExp): string {
    const start = this.#at;
    return this.#skip(pattern) ? this.#text.slice(start, this.#at) : giveUp();
  }

  #isAt(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    return pattern.test(this.#text);
  }

  /** Where a mapping or a list begins. */
  #enter(): Position {
    this.#depth += 1;
    return this.#depth > MAX_DEPTH ? giveUp() : this.#position();
  }

  #position(): Position {
    const line = this.#line;
    const column = this.#at - this.#lineStart + 1;
    return this.#file === undefined ? { line, column } : { line, column, file: this.#file };
  }
}
