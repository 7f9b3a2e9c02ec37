/** Text of a given width. Names and messages come from elsewhere, so that nothing in them may reach the terminal as a command. */

/** What the terminal can show. */
export interface Style {
  /** Characters of a line; `Infinity` where lines may have any length. */
  readonly columns: number;
  /** Lines; `Infinity` where there may be any number. */
  readonly rows: number;
  readonly hasColours: boolean;
  /** Whether it knows more than ASCII. */
  readonly isUtf8: boolean;
}

// Control characters, and those that only say how to write others, such as from right to left.
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

export function clean(text: string, { isUtf8 }: Style): string {
  const safe = text.replace(UNSAFE, ' ');
  return isUtf8
    ? safe
    : safe
        .replaceAll(/[–—]/g, '-')
        .replaceAll('…', '~')
        .replaceAll(/[^ -~]/gu, '?');
}

const charactersOf = (text: string) => Array.from(text);

export const lengthOf = (text: string) => charactersOf(text).length;

export function cut(text: string, width: number, style: Style): string {
  if (lengthOf(text) <= width) return text;
  if (width <= 0) return '';
  return `${charactersOf(text)
    .slice(0, width - 1)
    .join('')}${style.isUtf8 ? '…' : '~'}`;
}

export const padEnd = (text: string, width: number) =>
  text + ' '.repeat(Math.max(0, width - lengthOf(text)));

export const padStart = (text: string, width: number) =>
  ' '.repeat(Math.max(0, width - lengthOf(text))) + text;

/** Lines of at most `width` characters, broken between words; longer words are broken, too. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    let rest = word;
    if (line !== '' && lengthOf(line) + 1 + lengthOf(rest) > width) {
      lines.push(line);
      line = '';
    }
    while (lengthOf(rest) > width) {
      lines.push(charactersOf(rest).slice(0, width).join(''));
      rest = charactersOf(rest).slice(width).join('');
    }
    line = line === '' ? rest : `${line} ${rest}`;
  }
  return [...lines, line];
}

/** Select Graphic Rendition (ECMA-48, section 8.3.117). */
const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, magenta: 35 } as const;

export type Colour = keyof typeof codes;

export const paint = (text: string, colour: Colour | undefined, { hasColours }: Style) =>
  hasColours && colour !== undefined && text !== '' ? `\x1b[${codes[colour]}m${text}\x1b[0m` : text;
