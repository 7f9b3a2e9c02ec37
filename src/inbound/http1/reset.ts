/** Breaks a client's connection off so that no client takes what it has received for the whole. */
import type { Socket } from 'node:net';

/** Ends with a TCP reset: several clients take a plain end for the end of a body, whatever its framing says. */
export function resetConnection(socket: Socket): void {
  if (socket.destroyed) return;
  // Only TCP has resets; a Unix socket has no address.
  if (socket.remoteAddress === undefined) socket.destroy();
  else socket.resetAndDestroy();
}
