/** Clients on kept connections: each sends a request again and again until it is told to close. */
import net from 'node:net';

export interface KeptClients {
  /** Responses so far. */
  readonly responses: number;
  /** Clients that have their connection still. */
  readonly open: number;
  /** Requests that were sent and got no complete response. */
  readonly lost: number;
  /** Clients that were told to close. */
  readonly told: number;
  /** Sends one request on each connection that has none under way. */
  sendAll(): void;
  destroy(): void;
}

/** What each of `count` clients waits between a response and its next request, in ms; undefined: until `sendAll`. */
type Think = (() => number) | undefined;

/** Resolves when each has had one response, or has lost its connection. */
export async function connectClients(
  port: number,
  count: number,
  think?: Think,
): Promise<KeptClients> {
  const clients = { responses: 0, open: 0, lost: 0, told: 0 };
  const idle = new Set<() => void>();
  const sockets: net.Socket[] = [];
  const connect = () =>
    new Promise<void>((resolve) => {
      const socket = net.connect(port, '127.0.0.1');
      let pending = false;
      let text = '';
      let timer: NodeJS.Timeout | undefined;
      const send = () => {
        if (!idle.delete(send)) return;
        pending = true;
        socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      };
      sockets.push(socket);
      clients.open += 1;
      socket.on('connect', () => {
        idle.add(send);
        send();
      });
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1');
        if (!text.endsWith('\r\n\r\nok')) return;
        const isTold = /^connection: close\r$/im.test(text);
        text = '';
        pending = false;
        clients.responses += 1;
        resolve();
        if (isTold) {
          clients.told += 1;
          return;
        }
        idle.add(send);
        if (think !== undefined) timer = setTimeout(send, think());
      });
      socket.on('error', () => {});
      socket.on('close', () => {
        clearTimeout(timer);
        idle.delete(send);
        clients.open -= 1;
        if (pending) clients.lost += 1;
        resolve();
      });
    });
  await Promise.all(Array.from({ length: count }, connect));
  // Not a copy: the counts go on.
  return Object.assign(clients, {
    sendAll: () => [...idle].forEach((send) => send()),
    destroy: () => sockets.forEach((socket) => socket.destroy()),
  });
}
