/** A client that asks for another protocol (RFC 9110, section 7.8): an exchange until the upstream's 101, a tunnel after it. */
import { ServerResponse, STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { fieldLines, listMembers, type Fields } from '../../http/fields.js';
import { takeFromServer } from './detached-socket.js';

/** Bytes kept of a client that sends before the response. */
const EARLY_BYTES = 64 * 1024;

/** An upgrade that a request asks for. */
export interface Upgrade {
  /** As the client named it. */
  readonly protocol: string;
  /** Sends the upstream's 101 and gives the socket away, with what the client has sent since. */
  accept(statusText: string, fields: Fields): Socket;
}

/** The protocol that a request asks to upgrade to; undefined where there is none that can be passed on. */
export function protocolOf({ headers, httpVersionMinor }: IncomingMessage): string | undefined {
  const { upgrade } = headers;
  // HTTP/1.0 has no upgrades: a server has to ignore them (RFC 9110, section 7.8).
  if (upgrade === undefined || httpVersionMinor === 0) return undefined;
  // HTTP/2 in clear is negotiated hop by hop; this hop does not speak it (RFC 9113, section 3.1).
  return /(?:^|[\s,])h2c?\b/i.test(upgrade) ? undefined : upgrade;
}

function send101(socket: Socket, statusText: string, fields: Fields): void {
  const statusLine = `HTTP/1.1 101 ${statusText || STATUS_CODES[101]}\r\n`;
  socket.write(`${statusLine}${fieldLines(fields)}\r\n`, 'latin1');
}

/**
 * Node hands an upgrade request without content over as a bare socket. This gives the exchange a response to refuse it
 * with, notices a client that hangs up, and keeps what the client sends early.
 */
export class UpgradeRequest implements Upgrade {
  readonly protocol: string;
  readonly response: ServerResponse;
  readonly #socket: Socket;
  readonly #giveBack: (early: Buffer) => void;
  #early: Buffer[] = [];
  #earlyBytes = 0;

  /** @param giveBack takes the socket for further requests after a response that was no 101. */
  constructor(
    request: IncomingMessage,
    protocol: string,
    socket: Socket,
    head: Buffer,
    giveBack: (early: Buffer) => void,
  ) {
    this.protocol = protocol;
    this.#socket = socket;
    this.#giveBack = giveBack;
    this.response = new ServerResponse(request);
    this.response.shouldKeepAlive = !listMembers(request.rawHeaders, 'connection').includes(
      'close',
    );
    this.response.assignSocket(socket);
    this.response.on('finish', this.#onFinish);
    socket.on('data', this.#onEarly);
    socket.on('end', this.#onEnd);
    socket.on('drain', this.#onDrain);
    if (head.length > 0) this.#onEarly(head);
  }

  accept(statusText: string, fields: Fields): Socket {
    const socket = this.#release();
    send101(socket, statusText, fields);
    if (this.#earlyBytes > 0) socket.unshift(Buffer.concat(this.#early));
    return socket;
  }

  /** Takes all that is of HTTP off the socket. */
  #release(): Socket {
    const socket = this.#socket;
    this.response.detachSocket(socket);
    socket.off('data', this.#onEarly);
    socket.off('end', this.#onEnd);
    socket.off('drain', this.#onDrain);
    socket.pause();
    return socket;
  }

  readonly #onFinish = (): void => {
    const socket = this.#release();
    if (this.response.shouldKeepAlive) this.#giveBack(Buffer.concat(this.#early));
    else socket.destroySoon();
  };

  readonly #onEarly = (chunk: Buffer): void => {
    this.#early.push(chunk);
    this.#earlyBytes += chunk.length;
    if (this.#earlyBytes > EARLY_BYTES) this.#socket.pause();
  };

  /** As Node's server does for the responses of its own. */
  readonly #onDrain = (): void => void this.response.emit('drain');

  /** Nothing was agreed on yet: a client that ends now has hung up. */
  readonly #onEnd = (): void => void this.#socket.destroy();
}

/** An upgrade with content: a plain request to Node, whose socket is taken away from it when the upstream agrees. */
export class LateUpgrade implements Upgrade {
  readonly protocol: string;
  readonly #response: ServerResponse;

  constructor(protocol: string, response: ServerResponse) {
    this.protocol = protocol;
    this.#response = response;
  }

  accept(statusText: string, fields: Fields): Socket {
    const socket = this.#response.socket!;
    this.#response.detachSocket(socket);
    takeFromServer(socket);
    socket.pause();
    send101(socket, statusText, fields);
    return socket;
  }
}
