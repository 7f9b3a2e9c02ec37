/** What simple YAML is made of, for `simple-yaml.ts`. */

/** Marks and white space that the parser may take for more than a character of a value. */
export const SPECIAL = /[^\P{Cc}\n]|[\u2028\u2029\ufeff]/u;

// These are looked for where the reader is, by their `lastIndex`.

export const SPACES = / */y;
export const EMPTY_LINE = / *(?:#[^\n]*)?\n/y;
/** Indentation, or all of a last line that is empty and does not end. */
export const INDENTATION = / *(?:#[^\n]*$)?/y;
/** What may follow a value in its line. */
export const LINE_END = /(?: +#[^\n]*| *)(?:\n|$)/y;
export const KEY = /(?:\w[\w./-]*|"[^"\\\n]*"|'[^'\n]*'):(?=[ \n]|$)/y;
export const DASH = /- +(?=[^\n# ])/y;
export const QUOTED = /"(?:[^"\\\n]|\\[^\n])*"|'(?:[^'\n]|'')*'/y;
/** A value without quotes. It ends before whatever may mean more; what is read next then gives up. */
export const PLAIN = /(?:[\w/.$^~]|[-+](?=[\w.]))(?:[^\n: ]+|:(?=[^\n ])| +(?=[^\n# ]))*/y;
/** As `PLAIN`, between braces or brackets. */
export const PLAIN_INSIDE =
  /(?:[\w/.$^~]|[-+](?=[\w.]))(?:[^\n: ,[\]{}]+|:(?=[^\n ,[\]{}])| +(?=[^\n# :,[\]{}]))*/y;

/** Whether a value without quotes may be more than text. */
export const MAYBE_NO_TEXT =
  /^(?:~|null|true|false|[-+]?\.(?:inf|nan)|[-+]?(?:0x[\da-f]+|0o\d+|\.?\d[\d.e+-]*))$/i;
