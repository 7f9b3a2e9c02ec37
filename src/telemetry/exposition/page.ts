/** The text of the page that Prometheus scrapes, in pieces: a thousand busy upstreams fill twenty megabytes. */
import type { Break } from './breaks.js';
import type { Family } from './families.js';
import type { Format } from './formats.js';

/** Characters of one piece: it takes a fraction of a millisecond. */
const PIECE_LENGTH = 16 * 1024;

/**
 * A piece is written when it is asked for.
 *
 * @param rest lines for the end of the page.
 * @param takeBreak between pieces: otherwise they would block all calls.
 */
export async function* renderPage(
  families: readonly Family[],
  format: Format,
  rest: string,
  takeBreak: Break,
): AsyncGenerator<string> {
  let piece = '';
  for (const family of families) {
    const { name, help, type } = family;
    piece += format.head(name, type, help);
    for (const lines of family.lines(format.hasExemplars)) {
      piece += lines;
      if (piece.length < PIECE_LENGTH) continue;
      yield piece;
      piece = '';
      await takeBreak();
    }
    piece += format.gap;
  }
  yield piece + rest + format.end;
}
