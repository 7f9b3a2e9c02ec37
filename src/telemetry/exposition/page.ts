/** The page that Prometheus scrapes, in pieces: a thousand busy upstreams fill twenty megabytes. */
import { setImmediate } from 'node:timers/promises';
import type { Family } from './families.js';

/** Characters of one piece: it takes well under a millisecond. Between pieces, calls are served. */
const PIECE_LENGTH = 64 * 1024;

/**
 * The text format of Prometheus. A piece is written when it is asked for, and dropped when the next one is: so no scrape
 * holds more than one, however slowly it is read, and the strings are gone before they are expensive to collect.
 *
 * @param rest lines for the end of the page.
 */
export async function* renderPage(
  families: readonly Family[],
  rest: string,
): AsyncGenerator<string> {
  let piece = '';
  for (const family of families) {
    const { name, help, type } = family;
    piece += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
    for (const lines of family.lines()) {
      piece += lines;
      if (piece.length < PIECE_LENGTH) continue;
      yield piece;
      piece = '';
      // Otherwise a reader that is always ready would block all calls.
      await setImmediate();
    }
    piece += '\n';
  }
  yield piece + rest;
}
