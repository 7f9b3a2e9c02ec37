/**
 * Loaded before the program where the system's own look-up cannot be led to the test's name server: `dns.lookup` asks the server
 * on the port in `TEST_NAME_SERVER_PORT`, as getaddrinfo would.
 */
import dns from 'node:dns';
import { callbackify } from 'node:util';

const { lookup } = dns;
const resolver = new dns.promises.Resolver({ timeout: 1000, tries: 1 });
resolver.setServers([`127.0.0.1:${process.env['TEST_NAME_SERVER_PORT']}`]);

type Found = readonly dns.LookupAddress[];

async function ask(name: string): Promise<Found> {
  const results = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
  const found = results.flatMap((result, i) =>
    result.status === 'fulfilled'
      ? result.value.map((address) => ({ address, family: i === 0 ? 4 : 6 }))
      : [],
  );
  if (found.length > 0) return found;
  const codes = results.map((result) =>
    result.status === 'rejected' ? (result.reason as NodeJS.ErrnoException).code : undefined,
  );
  const isAbsent = codes.every((code) => code === 'ENOTFOUND' || code === 'ENODATA');
  const code = isAbsent ? 'ENOTFOUND' : 'EAI_AGAIN';
  throw Object.assign(new Error(`getaddrinfo ${code} ${name}`), { code });
}

type OnFound = (error: Error | null, found: Found) => void;
const askWithCallback = callbackify(ask);

const replaced = (name: string, options: dns.LookupAllOptions, onFound: OnFound): void => {
  if (name.endsWith('.test')) askWithCallback(name, onFound);
  else lookup(name, options, onFound as never);
};
dns.lookup = replaced as unknown as typeof lookup;
