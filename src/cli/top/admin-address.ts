/** Where the admin server is that `top` reads: what `--admin` may be. */
import type { RequestOptions } from 'node:http';

export interface AdminAddress {
  /** For messages, without credentials. */
  readonly shown: string;
  readonly isSecure: boolean;
  /** For a GET of a path below the address. */
  readonly optionsFor: (path: string) => RequestOptions;
}

const FORMS =
  'a URL such as http://127.0.0.1:9900, an address such as 127.0.0.1:9900, a port of this machine, or unix:/path.sock';

function parseUrl(text: string): URL | undefined {
  if (/^\d+$/.test(text)) return parseUrl(`http://127.0.0.1:${text}`);
  const whole = /^[a-z][a-z\d+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) ? url : undefined;
}

/** @returns undefined if it cannot be understood. */
function parse(text: string): AdminAddress | undefined {
  if (text.startsWith('unix:/')) {
    const socketPath = text.slice('unix:'.length);
    return { shown: text, isSecure: false, optionsFor: (path) => ({ socketPath, path }) };
  }
  const url = parseUrl(text);
  if (url === undefined) return undefined;
  const { protocol, hostname, port, host, username, password } = url;
  const below = url.pathname.replace(/\/$/, '');
  const auth =
    username === '' && password === ''
      ? {}
      : { auth: `${decodeURIComponent(username)}:${decodeURIComponent(password)}` };
  return {
    shown: `${protocol}//${host}${below}`,
    isSecure: protocol === 'https:',
    optionsFor: (path) => ({
      // An IPv6 address without its brackets.
      host: hostname.replace(/^\[|\]$/g, ''),
      ...(port === '' ? {} : { port }),
      path: below + path,
      ...auth,
    }),
  };
}

/** @returns the address, or the sentence that says what is wrong with it. */
export function parseAdminAddress(text: string): AdminAddress | string {
  return (
    parse(text) ?? `Cannot read the admin server because --admin must be ${FORMS}, but is "${text}"`
  );
}
