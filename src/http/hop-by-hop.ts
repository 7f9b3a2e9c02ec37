/** Which header fields are about one connection rather than about the message (RFC 9110, section 7.6.1). */

/**
 * Fields of one connection, never forwarded (RFC 9110, section 7.6.1; `Keep-Alive` and `Proxy-Connection` by custom). HTTP/2 does
 * not have them (RFC 9113, section 8.2.2).
 */
export const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'proxy-connection',
  'keep-alive',
  'te',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

/** Fields that `Connection` cannot take out: without them the message would mean something else. */
export const essential: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'content-type',
  'authorization',
  'cookie',
]);

const NONE: ReadonlySet<string> = new Set();

/** The field names that `Connection` values list, in lower case. */
export function nominated(connection: string | undefined): ReadonlySet<string> {
  if (connection === undefined || /^\s*(?:close|keep-alive)?\s*$/i.test(connection)) return NONE;
  const names = connection.split(',').map((name) => name.trim().toLowerCase());
  return new Set(names.filter((name) => !essential.has(name)));
}
