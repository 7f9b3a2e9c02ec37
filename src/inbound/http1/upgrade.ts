/** A client that asks for another protocol (RFC 9110, section 7.8): an exchange until the upstream's 101, a tunnel after it. */
import { ServerResponse, STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { fieldLines, type Fields } from '../../http/fields.js';

/** Bytes kept of a client that sends before the response. */
const EARLY_BYTES = 64 * 1024;

/**
 * Node hands an upgrade request over as a bare socket. This gives the exchange a response to refuse it with, notices a
 * client that hangs up, and keeps what the client sends early.
 */
export class UpgradeRequest {
  /** As the client named it; undefined when it is none that can be passed on. */
  readonly protocol: string | undefined;
  readonly response: ServerResponse;
  readonly #socket: Socket;
  #early: Buffer[] = [];
  #earlyBytes = 0;

  constructor(request: IncomingMessage, socket: Socket, head: Buffer) {
    // HTTP/2 in clear is negotiated hop by hop; this hop does not speak it (RFC 9113, section 3.1).
    const { upgrade } = request.headers;
    this.protocol =
      upgrade !== undefined && /(?:^|[\s,])h2c?\b/i.test(upgrade) ? undefined : upgrade;
    this.#socket = socket;
    this.response = new ServerResponse(request);
    this.response.shouldKeepAlive = false;
    this.response.assignSocket(socket);
    this.response.on('finish', () => {
      this.response.detachSocket(socket);
      socket.destroySoon();
    });
    socket.on('error', () => {});
    socket.on('data', this.#onEarly);
    socket.on('end', this.#onEnd);
    if (head.length > 0) this.#onEarly(head);
  }

  /** Sends the upstream's 101 and gives the socket away, with what the client has sent since. */
  accept(statusText: string, fields: Fields): Socket {
    const socket = this.#socket;
    this.response.detachSocket(socket);
    socket.off('data', this.#onEarly);
    socket.off('end', this.#onEnd);
    socket.pause();
    const statusLine = `HTTP/1.1 101 ${statusText || STATUS_CODES[101]}\r\n`;
    socket.write(`${statusLine}${fieldLines(fields)}\r\n`, 'latin1');
    if (this.#earlyBytes > 0) socket.unshift(Buffer.concat(this.#early));
    return socket;
  }

  readonly #onEarly = (chunk: Buffer): void => {
    this.#early.push(chunk);
    this.#earlyBytes += chunk.length;
    if (this.#earlyBytes > EARLY_BYTES) this.#socket.pause();
  };

  /** Nothing was agreed on yet: a client that ends now has hung up. */
  readonly #onEnd = (): void => void this.#socket.destroy();
}
