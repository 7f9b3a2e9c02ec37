/**
 * Keeps a socket readable after a write has failed. An upstream may respond before it has read the whole request and close
 * its connection at once: the next write then fails, although the response has arrived and waits to be read. Node would
 * destroy the socket at that failure, and the response with it.
 */
import type { Socket } from 'node:net';

type OnWritten = (error?: Error | null) => void;

/** The other side takes no more bytes. */
const lost = new Set(['EPIPE', 'ECONNRESET']);

/**
 * From now on a write that fails because the other side is gone never ends: no write follows it, and reading goes on.
 * @param onLost is called then: reading may find a plain end, because the system reports the failure only once.
 */
export function outliveFailedWrites(socket: Socket, onLost: (error: Error) => void): void {
  const surviving =
    (onWritten: OnWritten): OnWritten =>
    (error) => {
      const { code = '' } = (error ?? {}) as NodeJS.ErrnoException;
      if (lost.has(code)) onLost(error!);
      else onWritten(error);
    };
  const write = socket._write.bind(socket);
  const writev = socket._writev!.bind(socket);
  socket._write = (chunk, encoding, onWritten) => write(chunk, encoding, surviving(onWritten));
  socket._writev = (chunks, onWritten) => writev(chunks, surviving(onWritten));
}
