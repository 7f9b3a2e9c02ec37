/** Has Node's server read a connection again with another parser: after an upgrade, or at a method that the first one does not know. */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Connection } from './connection.js';
import { DetachedSocket } from './detached-socket.js';
import type { ForeignMethod } from './foreign-method.js';

/**
 * Has the parser read a connection again that Node has given away.
 * @param bytes what it reads first.
 * @param isSpent Node would give no further upgrade of this socket away.
 */
export function giveBack(server: Server, socket: Socket, bytes: Buffer, isSpent = false): void {
  const connection = Connection.of(socket);
  const next = isSpent ? (DetachedSocket.over(socket) as Duplex as Socket) : socket;
  // The time for an idle connection, which Node would take for that of a running request.
  next.setTimeout(0);
  next.unshift(bytes);
  connection.done();
  server.emit('connection', next);
  next.resume();
}

/** Gives an idle connection back once the client sends its next request; ends it if none comes in time. */
export function giveBackAtNext(server: Server, socket: Socket, isSpent: boolean): void {
  const end = () => socket.destroySoon();
  socket.setTimeout(server.keepAliveTimeout, end);
  socket.once('end', end);
  socket.once('data', (chunk: Buffer) => {
    socket.off('timeout', end);
    socket.off('end', end);
    socket.pause();
    giveBack(server, socket, chunk, isSpent);
  });
  socket.resume();
}

/** The next parser of the connection is given a method that it knows in the place of the one that it does not. */
export function replaceMethod(
  server: Server,
  socket: Socket,
  { method, bytes }: ForeignMethod,
  isPipelined: boolean,
): void {
  // The client has hung up.
  if (socket.readableEnded) return socket.destroySoon();
  const detached = DetachedSocket.over(socket) as Duplex as Socket;
  Connection.of(detached).expect({ method, isPipelined });
  detached.unshift(bytes);
  server.emit('connection', detached);
}
