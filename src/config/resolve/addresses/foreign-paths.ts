/** Route paths and prefixes in the notation of other programs: they would be taken literally, and never match. */

const quote = (text: string) => JSON.stringify(text);

const asName = (text: string) => text.replaceAll(/\W/g, '_').replace(/^(?=\d)/, '_');

/** `{id}`, `{id:[0-9]+}`, `{path*}`, `[id]`, `[...path]`, `<int:id>`, `:id(\\d+)`, `:id?` of one segment. */
function translateSegment(segment: string, isLast: boolean): string | undefined {
  const braced = /^\{([^{}]*)\}$|^\[([^[\]]*)\]$|^<([^<>]*)>$/.exec(segment);
  if (braced !== null) {
    const inner = braced[1] ?? braced[2] ?? braced[3]!;
    if (/^(?:\.{3}|path:|\*)|\*$|=\*\*|:\.[*+]$/.test(inner)) return isLast ? '*' : undefined;
    const name = (
      braced[3] === undefined ? inner.split(/[:=]/)[0]! : inner.split(':').at(-1)!
    ).trim();
    // A character set has no name.
    if (/^[A-Za-z_][\w.-]*$/.test(name) && !/^[A-Za-z\d]-[A-Za-z\d]/.test(name))
      return `:${asName(name)}`;
    return ':name';
  }
  const named = /^:([A-Za-z_]\w*)(?:\(.*\))?[?+*]?$/.exec(segment);
  if (named !== null) return /[+*]$/.test(segment) && isLast ? '*' : `:${named[1]}`;
  if (/^(?:\*\*|\(?\.[*+]\)?)$/.test(segment)) return isLast ? '*' : undefined;
  return /^(?:\[.*\]|\([^|]*\)|\\[dw])[+*]?$/.test(segment) ? ':name' : undefined;
}

/** The whole path, where each of its segments can be translated. */
function translatePattern(pattern: string): string | undefined {
  const inner = pattern.replace(/^\^(?=\/)/, '').replace(/\$$/, '');
  // A slash within a character class does not end a segment.
  const segments = inner.split('/');
  const translated = segments.map((segment, i) =>
    /^[^{}[\]()<>|^+*?\\]*$/.test(segment) || (segment === '*' && i === segments.length - 1)
      ? segment
      : translateSegment(segment, i === segments.length - 1),
  );
  const isWhole = translated.every((segment) => segment !== undefined);
  return isWhole && inner.startsWith('/') ? translated.join('/') : undefined;
}

/** What such characters mean in other programs. `$` has no such meaning within a path: `/Orders/$count`. */
function nameForeign(pattern: string): string | undefined {
  if (pattern.startsWith('^') || pattern.startsWith('~') || pattern.endsWith('$')) {
    return 'a path is not a regular expression';
  }
  const found = /[{}[\]()<>|^+]|(?<=[\w)\]])\?/.exec(pattern)?.[0];
  if (found === undefined)
    return /\*\*|\.\*|\\[dw]/.test(pattern)
      ? 'a path is neither a glob nor a regular expression'
      : undefined;
  if (found === '?' && !/\/:\w+\?/.test(pattern)) return undefined;
  return `${quote(found)} has no meaning in a path`;
}

/** @returns what is wrong with a route's path that other programs would understand; undefined where they would not. */
export function foreignPatternProblem(pattern: string): string | undefined {
  const problem = nameForeign(pattern);
  if (problem === undefined) return undefined;
  const translated = translatePattern(pattern);
  const guess =
    translated === undefined || translated === pattern
      ? ''
      : `; did you mean ${quote(translated)}?`;
  return `${problem}: write :name for one segment and /* at the end for everything below${describeEscape(pattern)}${guess}`;
}

function describeEscape(pattern: string): string {
  const character = /[{}[\]()<>|^+$]/.exec(pattern)?.[0];
  if (character === undefined) return '';
  const escape = character.codePointAt(0)!.toString(16).toUpperCase();
  return `, %${escape} for the character ${character} itself`;
}

/** @returns what is wrong with a prefix that is written as a pattern. */
export function foreignPrefixProblem(prefix: string): string | undefined {
  const found = /[{}[\]<>|^*]|\/:[A-Za-z_]|\$$/.exec(prefix);
  if (found === null) return undefined;
  const literal = prefix.slice(0, prefix.lastIndexOf('/', found.index) + 1);
  const guess = literal.startsWith('/')
    ? `; did you mean ${quote(literal.replace(/(?<=.)\/+$/, ''))}?`
    : '';
  return `is not a pattern: a prefix is compared as it is written, by whole segments, and takes everything below${guess}`;
}
