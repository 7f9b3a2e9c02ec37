/** The target of a request, as on the wire (RFC 9112, section 3.2). */

/** An absolute-form target up to its path; the authority is a group. */
const ABSOLUTE_FORM = /^[a-z][a-z\d+.-]*:\/\/([^/?#]*)/i;

/** Path and query of a request target, byte for byte; `*` where it asks about the server as a whole. */
export function pathOf(method: string, target: string): string {
  if (target.startsWith('/')) return target;
  const path = target.replace(ABSOLUTE_FORM, '');
  // RFC 9112, section 3.2.4: the last proxy turns such a target into `*`.
  if (path === '' && method === 'OPTIONS') return '*';
  return path.startsWith('/') ? path : `/${path}`;
}

/** Host and port of an absolute-form target; undefined for any other form. */
export function authorityOf(target: string): string | undefined {
  return target.startsWith('/') ? undefined : ABSOLUTE_FORM.exec(target)?.[1];
}

/** RFC 9110, section 7.2: uri-host with an optional port; an empty one is allowed. */
const HOST = /^(?:\[[\da-f:.%a-z]+\]|[^\s/?#@\\[\]:,]*)(?::\d*)?$/i;

/** Whether a `Host` field, or an authority, is well-formed. */
export const isHost = (text: string): boolean => HOST.test(text);
