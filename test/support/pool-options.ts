/** A pool of plain connections to this machine. */
import type { Clock } from '../../src/core/clock.js';
import type { ClientOptions } from '../../src/outbound/client.js';
import type { ClientContext } from '../../src/outbound/client-context.js';
import { Names } from '../../src/outbound/names/names.js';

export const poolOptions = (port: number): ClientOptions => ({
  target: {
    protocol: 'http:',
    host: '127.0.0.1',
    port,
    socketPath: undefined,
    basePath: '',
    href: `http://127.0.0.1:${port}`,
  },
  address: undefined,
  tls: undefined,
  connectTimeoutMs: 5000,
  protocol: 'http1',
  maxHeaderSize: 1024,
  maxAgeMs: 'off',
});

/** Its names are not to be looked up. */
export const poolContext = (clock: Clock): ClientContext => ({
  clock,
  names: new Names(clock, (name) => Promise.reject(new Error(`nothing is known of ${name}`))),
  claimDescriptor: () => true,
});
