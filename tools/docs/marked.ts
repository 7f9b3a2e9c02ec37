/**
 * Text between markers, which is written by `npm run docs`:
 *
 *     <!-- options: retry -->
 *     the table
 *     <!-- end -->
 */

const OPENING = /^<!-- (options|metrics|mutants)(?:: (.*?))? -->$/gm;
const END = '\n<!-- end -->';

/** @param words what stands after the colon, divided by commas. */
export type Generate = (words: readonly string[]) => string | Promise<string>;

export type Generators = Readonly<Record<'options' | 'metrics' | 'mutants', Generate>>;

/**
 * The same document with all marked text written anew.
 * @throws if a marker has no end before the next one, because text of the author would be lost.
 */
export async function fillMarked(markdown: string, generators: Generators): Promise<string> {
  let filled = '';
  let done = 0;
  for (const match of markdown.matchAll(OPENING)) {
    const [opening, kind, list = ''] = match;
    const start = match.index + opening.length;
    const end = markdown.indexOf(END, start);
    if (end === -1 || markdown.slice(start, end).includes('<!--')) {
      throw new Error(`There is no end of ${opening}`);
    }
    const words = list.split(',').map((word) => word.trim());
    const generate = generators[kind as keyof Generators];
    const text = await generate(words.filter((word) => word !== ''));
    filled += `${markdown.slice(done, start)}\n${text}`;
    done = end;
  }
  return filled + markdown.slice(done);
}
