/** Refusals below the level of policies and problem details: a status, and the end of the connection. */
import { STATUS_CODES, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../../core/clock.js';

/** Time a client has to stop sending and read its response, in ms; nginx's lingering_timeout is as long. */
export const LINGER_MS = 5000;

/** Refuses a request that has been parsed. */
export function respondBare(response: ServerResponse, status: number): void {
  // The field alone does not change it, and an upgrade's connection is kept by it.
  response.shouldKeepAlive = false;
  response.writeHead(status, { Connection: 'close', 'Content-Length': 0 });
  response.end();
}

const bareResponse = (status: number) =>
  `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;

/**
 * Refuses what could not be parsed, and reads no more of it as HTTP. The client can still read the response while it
 * sends: a plain close would turn into a reset (RFC 9112, section 9.6).
 */
export function refuseSocket(socket: Socket, status: number, clock: Clock): void {
  socket.end(bareResponse(status), 'latin1');
  ignoreRest(socket);
  const timer = clock.schedule(LINGER_MS, () => socket.destroy());
  socket.once('close', () => timer.cancel());
}

/** Refuses while a body is read: its exchange learns from the end of the connection that it is over. */
export function breakOff(socket: Socket, status: number): void {
  socket.write(bareResponse(status), 'latin1');
  socket.destroySoon();
}

/** What still comes is read, so that the end is seen, and dropped. */
export function ignoreRest(socket: Socket): void {
  socket.removeAllListeners('data');
  socket.on('data', () => {});
  socket.resume();
}

const statuses: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** The status for an error of Node's parser or of its limits; undefined where the connection itself has failed. */
export function statusOfError({ code = '' }: NodeJS.ErrnoException): number | undefined {
  return statuses[code] ?? (code.startsWith('HPE_') ? 400 : undefined);
}
