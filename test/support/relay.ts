/** A TCP relay that some of its clients can be cut off from. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { Teardown } from './sidecar.js';

export interface Relay {
  readonly port: number;
  /** New connections go to that port from now on. */
  lead(port: number): void;
  /** Ends the connections from the inside, and takes no new ones from there. */
  cutOff(): void;
  mend(): void;
}

/** @param inside the address from which those connect that can be cut off. */
export async function startRelay(t: Teardown, inside: string): Promise<Relay> {
  let target = 0;
  let isCutOff = false;
  const insiders = new Set<Socket>();
  const all = new Set<Socket>();
  const server = createServer((socket) => {
    all.add(socket);
    const isInside = socket.remoteAddress?.endsWith(inside) === true;
    socket.on('error', () => {});
    if (isInside && isCutOff) return void socket.destroy();
    const onward = connect(target, '127.0.0.1');
    all.add(onward);
    if (isInside) insiders.add(socket);
    onward.on('error', () => {});
    socket.on('close', () => {
      insiders.delete(socket);
      onward.destroy();
    });
    onward.on('close', () => socket.destroy());
    socket.pipe(onward).pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.teardown(() => {
    for (const socket of all) socket.destroy();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    lead: (port) => (target = port),
    cutOff() {
      isCutOff = true;
      for (const socket of insiders) socket.destroy();
    },
    mend: () => (isCutOff = false),
  };
}
