/** The whole page of a scrape. */
export async function readPage(exposition: AsyncIterable<string>): Promise<string> {
  let page = '';
  for await (const piece of exposition) page += piece;
  return page;
}
