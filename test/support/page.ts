/** The whole page of a scrape. */
export async function readPage(exposition: AsyncIterable<Buffer>): Promise<string> {
  let page = '';
  for await (const piece of exposition) page += piece.toString();
  return page;
}
