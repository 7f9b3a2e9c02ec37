/** Takes the hosts and addresses apart that spans name. */
import { isIP } from 'node:net';
import { shorten } from './shorten.js';

export interface Place {
  /** Without brackets; empty where the text is none. */
  readonly host: string;
  readonly port: number | undefined;
  readonly isIp: boolean;
}

/** A host with an optional port. */
const AUTHORITY = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/;

/** Further ones push all others out. */
const MOST_KEPT = 1024;

function takeApart(text: string): Place {
  const [, host = '', port] = AUTHORITY.exec(text) ?? [];
  const bare = shorten(host.replace(/^\[(.*)\]$/, '$1'));
  return {
    host: bare,
    port: port === undefined ? undefined : Number(port),
    isIp: isIP(bare) !== 0,
  };
}

/** Each call names four, and nearly all calls the same ones: they are taken apart once. */
export class Places {
  readonly #known = new Map<string, Place>();

  /** @param text `10.0.0.1:8080`, `[::1]:8080`, a name with or without a port, or anything else that a client has sent. */
  read(text: string): Place {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const place = takeApart(text);
    if (this.#known.size >= MOST_KEPT) this.#known.clear();
    this.#known.set(text, place);
    return place;
  }
}
