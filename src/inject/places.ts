/** What a configuration says of its addresses: where the kubelet finds its health, and a service its upstreams. */
import { posix } from 'node:path';
import { formatAddress, type Config } from '../config/config.js';
import type { Read } from '../config/resolve/addresses/address.js';

/** Where the configuration is not known. */
export const DEFAULT_PORT = 9900;

const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|::1)$/;
const REACHED_AS_LOCALHOST = new Set(['127.0.0.1', 'localhost', '0.0.0.0', '::']);

/** The port for probes and Prometheus, which come from outside the pod. */
export function readProbePort({ admin }: Config): Read<number> {
  const address = admin.metrics ?? admin.listen;
  if (address.kind === 'tcp' && !LOOPBACK.test(address.host)) return { value: address.port };
  const option = admin.metrics === undefined ? 'admin.listen' : 'admin.metrics';
  return {
    problem: `probes come from outside the pod, and ${option} of the configuration is ${formatAddress(address)}, which they do not reach; set admin.metrics to "0.0.0.0:9901"`,
  };
}

/** The folder of the socket of all admin endpoints; undefined where they have a port. */
export const readSocketFolder = ({ admin }: Config): string | undefined =>
  admin.listen.kind === 'unix' ? posix.dirname(admin.listen.path) : undefined;

/** What a service in the same pod calls in place of the upstream. */
export function readUpstreamUrl({ upstreams, server }: Config, name: string): Read<string> {
  const found = upstreams.find((upstream) => upstream.name === name);
  if (found === undefined) {
    const names = upstreams.map((upstream) => upstream.name).join(', ');
    return { problem: `the configuration has no upstream ${name}; it has ${names}` };
  }
  const address = found.listen ?? server.listen;
  if (address.kind === 'unix') {
    const listen = formatAddress(address);
    return { problem: `the upstream ${name} listens on ${listen}, which is no URL` };
  }
  const { host, port } = address;
  const shown = REACHED_AS_LOCALHOST.has(host) ? `localhost:${port}` : formatAddress(address);
  const prefix = found.listen === undefined ? (found.prefix ?? '') : '';
  return { value: `http://${shown}${prefix}` };
}
