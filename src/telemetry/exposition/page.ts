/** The text of the page that Prometheus scrapes, in pieces: a thousand busy upstreams fill twenty megabytes. */
import type { Break } from './breaks.js';
import type { Family } from './families.js';

/** Characters of one piece: it takes a fraction of a millisecond. */
const PIECE_LENGTH = 16 * 1024;

/**
 * The text format of Prometheus. A piece is written when it is asked for.
 *
 * @param rest lines for the end of the page.
 * @param takeBreak between pieces: otherwise they would block all calls.
 */
export async function* renderPage(
  families: readonly Family[],
  rest: string,
  takeBreak: Break,
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
      await takeBreak();
    }
    piece += '\n';
  }
  yield piece + rest;
}
