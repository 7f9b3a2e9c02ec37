/** The addresses that a configuration listens on, and the error if one cannot be opened. */
import type { Address } from '../core/model.js';
import { formatAddress, type Config } from '../config/config.js';
import type { WantedListener } from '../inbound/listener-set.js';

export interface NamedAddress {
  /** `admin`, `server` or an upstream's name. */
  readonly name: string;
  readonly address: Address;
}

/** An address that cannot be opened. */
export class ListenError extends Error {}

/** The listener that upstreams with a prefix share; upstream names are never empty. */
export const SHARED = '';

export function wantedBy(config: Config): WantedListener[] {
  const wanted: WantedListener[] = [];
  for (const { name, listen } of config.upstreams) {
    if (listen !== undefined) wanted.push({ name, address: listen });
  }
  if (config.upstreams.some(({ prefix }) => prefix !== undefined)) {
    wanted.push({ name: SHARED, address: config.server.listen });
  }
  return wanted;
}

const listenFailures: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the address is already in use',
  EACCES: 'this user may not listen there',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'the host name does not resolve',
};

/** @param owner the option, or the upstream, whose address it is. */
export function listenError(owner: string, address: Address, cause: unknown): ListenError {
  const { code = '', message } = cause as NodeJS.ErrnoException;
  return new ListenError(
    `Cannot listen on ${formatAddress(address)} for ${owner} because ${listenFailures[code] ?? message}`,
    { cause },
  );
}
