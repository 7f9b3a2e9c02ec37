/** A pool of plain connections to this machine. */
import type { PoolOptions } from '../../src/outbound/http1/connection-pool.js';

export const poolOptions = (port: number): PoolOptions => ({
  target: {
    protocol: 'http:',
    host: '127.0.0.1',
    port,
    socketPath: undefined,
    basePath: '',
    href: `http://127.0.0.1:${port}`,
  },
  tls: undefined,
  connectTimeoutMs: 5000,
  maxHeaderSize: 1024,
});
