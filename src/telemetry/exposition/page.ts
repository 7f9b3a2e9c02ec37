/** The text of the page that Prometheus scrapes, in pieces: a thousand busy upstreams fill twenty megabytes. */
import type { Break } from './breaks.js';
import type { Family } from './families.js';
import type { Format } from './formats.js';

/** Characters that are rendered without a break, in a fraction of a millisecond. */
const STEP_LENGTH = 16 * 1024;
/** Steps of one piece: sending a piece costs more than its bytes do, so fewer pieces make a scrape cheaper. */
const STEPS = 4;

/**
 * A piece is written when it is asked for.
 *
 * @param rest lines for the end of the page.
 * @param takeBreak between steps: otherwise they would block all calls.
 */
export async function* renderPage(
  families: readonly Family[],
  format: Format,
  rest: string,
  takeBreak: Break,
): AsyncGenerator<string> {
  let piece = '';
  let steps = 0;
  for (const family of families) {
    const { name, help, type } = family;
    piece += format.head(name, type, help);
    for (const lines of family.lines(format.hasExemplars)) {
      piece += lines;
      if (piece.length < (steps + 1) * STEP_LENGTH) continue;
      if (++steps === STEPS) {
        yield piece;
        piece = '';
        steps = 0;
      }
      await takeBreak();
    }
    piece += format.gap;
  }
  yield piece + rest + format.end;
}
