/**
 * Text between markers, which is written by `npm run docs`:
 *
 *     <!-- options: retry -->
 *     the table
 *     <!-- end -->
 */

const MARKED = /^<!-- (options|metrics)(?:: (.*?))? -->\n(?:[^]*?\n)?<!-- end -->$/gm;

/** @param words what stands after the colon, divided by commas. */
export type Generate = (words: readonly string[]) => string | Promise<string>;

export type Generators = Readonly<Record<'options' | 'metrics', Generate>>;

/** The same document with all marked text written anew. */
export async function fillMarked(markdown: string, generators: Generators): Promise<string> {
  let filled = '';
  let end = 0;
  for (const match of markdown.matchAll(MARKED)) {
    const [whole, kind, list = ''] = match;
    const words = list.split(',').map((word) => word.trim());
    const generate = generators[kind as keyof Generators];
    const text = await generate(words.filter((word) => word !== ''));
    const opening = whole.slice(0, whole.indexOf('\n'));
    filled += `${markdown.slice(end, match.index)}${opening}\n${text}\n<!-- end -->`;
    end = match.index + whole.length;
  }
  return filled + markdown.slice(end);
}
