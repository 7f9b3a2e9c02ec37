/** The data plane's listeners: each takes HTTP/1.1 and HTTP/2 on one port. */
import { createServer, type Server, type Socket } from 'node:net';
import type { Address } from '../../core/model.js';
import { Ending } from './ending.js';
import { Entrance } from '../entrance.js';
import { FirstBytes } from './first-bytes.js';
import { createHttp1 } from '../http1/listener.js';
import { Http2Side, type Http2Context } from '../http2/listener.js';
import type { Front, Listener, ListenerLimits } from '../listener.js';

export type FrontContext = Http2Context;

/** The file descriptors that are left for connections. */
export interface Descriptors {
  readonly isShort: () => boolean;
  readonly onShortage: (message: string) => void;
}

export async function createFront(context: FrontContext, descriptors: Descriptors): Promise<Front> {
  const http1 = await createHttp1();
  return {
    async open(address: Address, limits: ListenerLimits): Promise<Listener> {
      const entrance = new Entrance(context);
      const isClosing = () => ending.hasBegun || context.isDraining();
      const sides = {
        http1: http1.open(context, entrance, isClosing),
        http2: new Http2Side(context, entrance),
      };
      const firstBytes = new FirstBytes({
        clock: context.clock,
        onHttp1: (socket) => sides.http1.take(socket),
        onHttp2: (socket) => sides.http2.take(socket),
        onLate: (socket) => sides.http1.refuseLate(socket),
      });
      const configure = (next: ListenerLimits) => {
        server.maxConnections = next.maxConnections === 'off' ? Infinity : next.maxConnections;
        firstBytes.timeoutMs = next.headerTimeout;
        for (const side of Object.values(sides)) side.configure(next);
      };
      const server = createServer({ allowHalfOpen: true, noDelay: true });
      const ending = new Ending(server, Object.values(sides), context.clock);
      server.on('connection', (socket: Socket) => {
        socket.on('error', ignore);
        if (!refuseWhenShort(socket, descriptors)) firstBytes.await(socket);
      });
      configure(limits);
      await listen(server, address);
      return {
        address: boundAddress(server, address),
        setRouter: (router) => entrance.setRouter(router),
        configure,
        drain: (isLast) => ending.drain(isLast),
        close: () => {
          firstBytes.closeAll();
          return ending.close();
        },
      };
    },
    close: () => http1.close(),
  };
}

/** A connection that fails closes, too, and that is what its parts listen to. */
const ignore = (): void => {};

/** Closes a connection that would take one of the descriptors that are kept for the admin server. */
function refuseWhenShort(socket: Socket, { isShort, onShortage }: Descriptors): boolean {
  if (!isShort()) return false;
  socket.destroy();
  onShortage(
    'Cannot accept a connection because this process has no file descriptor left (ulimit -n): the last ones are kept for the admin server',
  );
  return true;
}

function listen(server: Server, address: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(
      address.kind === 'tcp' ? { host: address.host, port: address.port } : { path: address.path },
      () => {
        server.off('error', reject);
        resolve();
      },
    );
  });
}

function boundAddress(server: Server, address: Address): Address {
  const bound = server.address();
  if (address.kind === 'unix' || bound === null || typeof bound === 'string') return address;
  return { ...address, port: bound.port };
}
