/** Which web pages a request may come from. Browsers set these fields; a page cannot. */
import type { IncomingHttpHeaders } from 'node:http';

/** Names that lead to the machine of the browser, so that no other page can have them as its own by DNS rebinding. */
const local = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i;

/** It comes from a web page, and not from one that this server has sent. */
export function isOfOtherOrigin({ origin, host }: IncomingHttpHeaders): boolean {
  return origin !== undefined && !isOwn(origin, host);
}

/** As `isOfOtherOrigin`; a page that was found under a name other than the machine's own is another one, too. */
export function isOfUntrustedOrigin({ origin, host = '' }: IncomingHttpHeaders): boolean {
  return origin !== undefined && !(isOwn(origin, host) && local.test(host));
}

const isOwn = (origin: string, host: string | undefined) =>
  host !== undefined &&
  [`http://${host}`, `https://${host}`].includes(origin.toLowerCase()) &&
  host !== '';
