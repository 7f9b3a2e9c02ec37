/** Unix sockets that a process left behind when it was killed. */
import type { Address } from '../core/model.js';
import type { Config } from '../config/config.js';
import { removeDeadSocket } from '../platform/dead-socket.js';
import { wantedBy } from './addresses.js';

/** Otherwise a sidecar that was killed could not start again in a pod, whose volumes outlive its containers. */
export async function removeDeadSockets(config: Config): Promise<void> {
  const { listen, metrics } = config.admin;
  const wanted = [...wantedBy(config).map(({ address }) => address), listen, metrics];
  const sockets = wanted.filter(
    (address): address is Address & { kind: 'unix' } => address?.kind === 'unix',
  );
  await Promise.all(sockets.map(({ path }) => removeDeadSocket(path)));
}
