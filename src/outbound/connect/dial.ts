/** Opens sockets to one address of a target, with TLS where the target has it. */
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Target, TlsOptions } from '../../core/model.js';
import { sharedReadBuffer } from '../http1/read-memory.js';
import { keptForAdmin } from '../shortage.js';

/**
 * Takes what a socket has read.
 * @param bytes are overwritten once this has returned.
 * @returns false if it takes no more for now.
 */
export type OnRead = (bytes: Buffer) => boolean;

/**
 * @param address an IP address, or the path of a socket.
 * @param onRead undefined for a socket that is read by an HTTP/2 session.
 * @param onOpen is called once, later: with the error that it could not be opened for, or without.
 * @throws where the certificate or the key cannot be used, or where descriptors are short.
 */
export type Dial = (
  address: string,
  onRead: OnRead | undefined,
  onOpen: (error?: Error) => void,
) => Socket;

/** The names of the protocols in TLS (ALPN). */
export type Alpn = 'h2' | 'http/1.1';

/** After this much silence, in ms, the system checks whether the other side is still there. */
const TCP_KEEP_ALIVE_MS = 60_000;

/** RFC 6066, section 3: a server name has no final dot, and an address is not a server name. */
export function serverNameOf(host: string): string {
  return isIP(host) === 0 ? host.replace(/\.$/, '') : '';
}

/**
 * @param claimDescriptor returns false where no connection may be opened, because descriptors are short.
 * @param offered to the other side where the target has TLS, the preferred one first.
 */
export function createDial(
  { protocol, host, port, socketPath }: Target,
  tls: TlsOptions | undefined,
  claimDescriptor: () => boolean,
  offered: readonly Alpn[],
): Dial {
  const servername = serverNameOf(tls?.serverName ?? host);
  /** The latest one: it makes the next handshake shorter. */
  let session: Buffer | undefined;

  return (address, onRead, onOpen) => {
    if (!claimDescriptor()) throw keptForAdmin();
    const options = {
      ...(socketPath === undefined ? { host: address, port } : { path: socketPath }),
      // One side of a tunnel may end while the other still sends.
      allowHalfOpen: onRead !== undefined,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
      ...(onRead === undefined ? {} : { onread: readInto(sharedReadBuffer(), onRead) }),
    };
    const socket =
      protocol === 'http:'
        ? connect(options)
        : connectTls({
            ...options,
            servername,
            ALPNProtocols: [...offered],
            rejectUnauthorized: tls?.insecureSkipVerify !== true,
            ...(tls?.ca === undefined ? {} : { ca: tls.ca }),
            ...(tls?.cert === undefined ? {} : { cert: tls.cert }),
            ...(tls?.key === undefined ? {} : { key: tls.key }),
            ...(session === undefined ? {} : { session }),
          });
    watchOpening(socket, protocol === 'http:' ? 'connect' : 'secureConnect', onOpen);
    socket.on('session', (latest: Buffer) => {
      session = latest;
    });
    return socket;
  };
}

const readInto = (buffer: Buffer, onRead: OnRead) => ({
  buffer,
  callback: (length: number) => onRead(buffer.subarray(0, length)),
});

/** Apart from what lives as long as the socket: `onOpen` knows a request. */
function watchOpening(socket: Socket, opened: string, onOpen: (error?: Error) => void): void {
  const onError = (error: Error): void => {
    socket.off(opened, onOpened);
    onOpen(error);
  };
  const onOpened = (): void => {
    socket.off('error', onError);
    onOpen();
  };
  socket.once(opened, onOpened);
  socket.once('error', onError);
}
