/** Opens sockets for HTTP/2 to endpoints, given by their addresses as operators see them. */
import { connect, isIP, type NetConnectOpts, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { Target, TlsOptions } from '../../core/model.js';
import { serverNameOf } from '../../outbound/connect/dial.js';

/** Looks a name up: only where a target's name is one endpoint. */
export type LookUp = (
  name: string,
  done: (error: Error | undefined, address: string) => void,
) => void;

export interface SocketOptions {
  /** Its name is the one that TLS asks for and checks. */
  readonly target: Target;
  readonly tls: TlsOptions | undefined;
  readonly lookUp: LookUp;
}

interface Place {
  readonly host: string;
  readonly port: number;
}

/** `10.0.0.1:8080`, `[::1]:8080`, or a name, with the target's port where there is none. */
function placeOf(address: string, { port }: Target): Place {
  const [, inBrackets, plain = address, written] =
    /^(?:\[(.*)\]|([^:]*)):(\d+)$/.exec(address) ?? [];
  return { host: inBrackets ?? plain, port: written === undefined ? port : Number(written) };
}

export interface Opening {
  destroy(): void;
}

/** @param done is called once at most, later or at once, and not after `destroy`. */
export function openSocket(
  address: string,
  options: SocketOptions,
  done: (error: Error | undefined, socket: Socket) => void,
): Opening {
  const { target, lookUp } = options;
  let socket: Socket | undefined;
  let isOver = false;
  const end = (error: Error | undefined): void => {
    if (isOver) return;
    isOver = true;
    done(error, socket!);
  };
  const open = (place: NetConnectOpts): void => {
    try {
      socket = target.protocol === 'http:' ? connect(place) : connectWithTls(place, options);
    } catch (error) {
      // A certificate that cannot be used, for one.
      return end(error as Error);
    }
    socket.on('error', end);
    socket.once(target.protocol === 'http:' ? 'connect' : 'secureConnect', () => {
      end(hasHttp2(socket!) ? undefined : new Error('it does not offer HTTP/2 (ALPN h2)'));
    });
  };
  const place = placeOf(address, target);
  if (target.socketPath !== undefined) open({ path: target.socketPath });
  else if (isIP(place.host) !== 0) open(place);
  else {
    lookUp(place.host, (error, host) => {
      if (isOver) return;
      if (error === undefined) open({ host, port: place.port });
      else end(error);
    });
  }
  return {
    destroy() {
      isOver = true;
      socket?.destroy();
    },
  };
}

function connectWithTls(place: NetConnectOpts, { target, tls }: SocketOptions): TLSSocket {
  return connectTls({
    ...place,
    servername: serverNameOf(tls?.serverName ?? target.host),
    ALPNProtocols: ['h2'],
    rejectUnauthorized: tls?.insecureSkipVerify !== true,
    ...(tls?.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls?.cert === undefined ? {} : { cert: tls.cert }),
    ...(tls?.key === undefined ? {} : { key: tls.key }),
  });
}

/** Without TLS, both sides know beforehand. */
const hasHttp2 = (socket: Socket) => !('alpnProtocol' in socket) || socket.alpnProtocol === 'h2';
