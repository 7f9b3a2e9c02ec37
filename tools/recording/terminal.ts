/** A terminal as far as the demo needs one: it keeps what is on the screen while programs write to it. */

/** Characters of one look. */
export interface Span {
  readonly text: string;
  /** Parameter of the last `SGR` sequence: `0`, `1`, `2`, `31` and so on. */
  readonly look: string;
}

interface Cell {
  readonly character: string;
  readonly look: string;
}

const ESCAPE = String.fromCodePoint(0x1b);

/** A command to the terminal (ECMA-48, section 5.4). */
const SEQUENCE = new RegExp(`^${ESCAPE}\\[([?\\d;]*)([A-Za-z])`);

export type Picture = readonly (readonly Span[])[];

export class Terminal {
  readonly #lines: Cell[][] = [[]];
  #row = 0;
  #column = 0;
  #look = '0';
  /** The start of a sequence whose end has not come yet. */
  #rest = '';

  write(text: string): void {
    let left = this.#rest + text;
    this.#rest = '';
    while (left !== '') {
      const [whole = '', parameters = '', command = ''] = SEQUENCE.exec(left) ?? [];
      if (whole === '' && left.startsWith(ESCAPE) && left.length < 16) {
        this.#rest = left;
        return;
      }
      if (whole !== '') this.#command(command, parameters);
      else this.#put(left[0]!);
      left = left.slice(Math.max(1, whole.length));
    }
  }

  read(): Picture {
    return this.#lines.map((cells) => {
      const spans: { text: string; look: string }[] = [];
      for (const { character, look } of cells) {
        const last = spans.at(-1);
        if (last?.look === look) last.text += character;
        else spans.push({ text: character, look });
      }
      return spans;
    });
  }

  #put(character: string): void {
    if (character === '\r') this.#column = 0;
    else if (character === '\n') {
      this.#row += 1;
      this.#column = 0;
      this.#lines[this.#row] ??= [];
    } else {
      const line = this.#lines[this.#row]!;
      while (line.length < this.#column) line.push({ character: ' ', look: '0' });
      line[this.#column++] = { character, look: this.#look };
    }
  }

  /** ECMA-48: SGR, cursor up, erase in line, erase in page; others are left out. */
  #command(command: string, parameters: string): void {
    if (command === 'm') this.#look = parameters || '0';
    if (command === 'A') this.#row = Math.max(0, this.#row - Number(parameters || 1));
    if (command === 'K')
      this.#lines[this.#row]!.length = Math.min(this.#lines[this.#row]!.length, this.#column);
    if (command === 'J') {
      this.#lines.length = this.#row + 1;
      this.#lines[this.#row]!.length = Math.min(this.#lines[this.#row]!.length, this.#column);
    }
  }
}
