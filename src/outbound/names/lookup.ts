/** Looks names up the way the system does it: hosts file, search domains and whatever else is configured there. */
// The default import: a module that replaces `dns.lookup` has to take effect here.
import dns from 'node:dns';

export interface NameAddress {
  readonly address: string;
  readonly family: number;
}

export type Lookup = (name: string) => Promise<readonly NameAddress[]>;

/** All addresses, in the order of the system's preference. Occupies one of few threads until it has ended. */
export const systemLookup: Lookup = (name) =>
  new Promise((resolve, reject) => {
    dns.lookup(name, { all: true, verbatim: true, hints: dns.ADDRCONFIG }, (error, addresses) => {
      if (error === null) resolve(addresses);
      else reject(error);
    });
  });
