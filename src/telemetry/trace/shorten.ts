/** Keeps texts from traffic small: many spans may wait for the collector. */

/** Longest value of an attribute, in characters. */
const MOST = 1024;

/** A part of a long text would keep all of it in memory: the copy does not. */
export const shorten = (text: string, most = MOST): string =>
  text.length <= most ? text : Buffer.from(text.slice(0, most)).toString();

/** The first member of a list such as `X-Forwarded-For`. */
export function firstMember(list: string): string {
  const text = shorten(list);
  const end = text.indexOf(',');
  return (end === -1 ? text : text.slice(0, end)).trim();
}

/** @returns path and query apart; undefined where there is no query. */
export function splitPath(path: string): [path: string, query: string | undefined] {
  const text = shorten(path, 2 * MOST);
  const at = text.indexOf('?');
  return at === -1
    ? [shorten(text), undefined]
    : [shorten(text.slice(0, at)), shorten(text.slice(at + 1))];
}
