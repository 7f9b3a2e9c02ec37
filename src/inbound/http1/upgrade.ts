/** A client that asks for another protocol (RFC 9110, section 7.8): an exchange until the upstream's 101, a tunnel after it. */
import { ServerResponse, STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { fieldLines, listMembers, type Fields } from '../../http/fields.js';
import { readAll } from '../read-all.js';
import { takeFromServer } from './detached-socket.js';

/** Bytes kept of a client that sends before the response. */
const EARLY_BYTES = 64 * 1024;

/** An upgrade that a request asks for. */
export interface Upgrade {
  /** As the client named it; undefined where it cannot be passed on, and no upgrade is accepted. */
  readonly protocol: string | undefined;
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

/** Takes the socket for further requests, with what the client has sent since. */
export type GiveBack = (early: Buffer) => void;

/** The client does not ask that its connection closes after the response. */
function isPersistent({ rawHeaders, httpVersionMinor }: IncomingMessage): boolean {
  const options = listMembers(rawHeaders, 'connection');
  return httpVersionMinor === 0 ? options.includes('keep-alive') : !options.includes('close');
}

/**
 * Node hands an upgrade request over as a bare socket, without a response. This gives the exchange a response to refuse it
 * with, notices a client that hangs up, and keeps what the client sends early.
 *
 * While content is still to come, Node goes on parsing it, and hands over another stream in place of the socket. That stream
 * keeps what follows the content. It must not be read before the content is complete: to read it discards the content.
 */
export class UpgradeRequest implements Upgrade {
  readonly protocol: string | undefined;
  readonly response: ServerResponse;
  readonly #request: IncomingMessage;
  readonly #socket: Socket;
  /** What keeps the bytes after the content; undefined where the socket itself was handed over. */
  readonly #following: Duplex | undefined;
  readonly #giveBack: GiveBack;
  #early: Buffer[] = [];
  #earlyBytes = 0;

  /**
   * @param handed what Node gave away: the socket, or the stream in its place.
   * @param giveBack is called after a response that was no 101.
   */
  constructor(
    request: IncomingMessage,
    protocol: string | undefined,
    handed: Duplex,
    head: Buffer,
    giveBack: GiveBack,
  ) {
    const { socket } = request;
    this.protocol = protocol;
    this.#request = request;
    this.#socket = socket;
    this.#following = handed === socket ? undefined : handed;
    this.#giveBack = giveBack;
    this.response = new ServerResponse(request);
    this.response.shouldKeepAlive = isPersistent(request);
    this.response.assignSocket(socket);
    this.response.on('finish', this.#onFinish);
    // The time for an idle connection can be running since the response before.
    socket.setTimeout(0);
    socket.on('end', this.#onEnd);
    socket.on('drain', this.#onDrain);
    if (this.#following === undefined) socket.on('data', this.#onEarly);
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
    if (this.#following !== undefined) {
      takeFromServer(socket);
      const kept = this.#request.complete ? readAll(this.#following) : null;
      if (kept !== null) this.#onEarly(kept);
    }
    socket.pause();
    return socket;
  }

  readonly #onFinish = (): void => {
    const request = this.#request;
    if (!request.complete) {
      // The rest of the content is read first: a client that cannot send it could lose the response.
      if (this.response.shouldKeepAlive) request.once('end', this.#goOn);
      else this.#socket.destroySoon();
      request.resume();
    } else if (this.response.shouldKeepAlive) this.#goOn();
    else this.#release().destroySoon();
  };

  readonly #goOn = (): void => {
    this.#release();
    this.#giveBack(Buffer.concat(this.#early));
  };

  readonly #onEarly = (chunk: Buffer): void => {
    this.#early.push(chunk);
    this.#earlyBytes += chunk.length;
    if (this.#earlyBytes > EARLY_BYTES) this.#socket.pause();
  };

  /** As Node's server does for the responses of its own. */
  readonly #onDrain = (): void => void this.response.emit('drain');

  /** Nothing was agreed on yet: a client that ends now has hung up. The parser tells of an end within the content. */
  readonly #onEnd = (): void => {
    if (this.#request.complete) this.#socket.destroy();
  };
}

/** An upgrade with content that was parsed as a plain request of Node's server, whose socket is taken away from it when the upstream agrees. */
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
