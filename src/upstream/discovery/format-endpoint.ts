/** How endpoints are called in admin endpoints, logs and messages. */
import type { Target } from '../../core/model.js';

/** @param host an IP address, a name, or the path of a socket. @returns `10.0.0.1:8080`, `[::1]:8080`, or the path. */
export function formatEndpoint({ port, socketPath }: Target, host: string): string {
  if (socketPath !== undefined) return socketPath;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
