/** Removes the file of a Unix socket on which no process listens any more. */
import { lstat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';

/**
 * Leaves alone what is not a socket, and a socket whose process lives. What cannot be looked at or removed stays: listening there
 * says why it cannot be used.
 */
export async function removeDeadSocket(path: string): Promise<void> {
  try {
    if (!(await lstat(path)).isSocket() || !(await refusesConnections(path))) return;
    await unlink(path);
  } catch {
    // Not there, or not ours.
  }
}

const refusesConnections = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code === 'ECONNREFUSED'));
  });
