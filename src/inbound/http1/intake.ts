/** What Node's server tells of one listener's connections, turned into requests that run in their turn, or refusals. */
import { type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../core/clock.js';
import { respondAsLastHop, isLastHop } from '../last-hop.js';
import { Connection, type Original } from './connection.js';
import { findForeignStart } from './foreign-method.js';
import { HeldRequest } from './held-request.js';
import { announcesBody } from './http1-body.js';
import { Http1Stream } from './http1-stream.js';
import { breakOff, ignoreRest, refuseSocket, respondBare, statusOfError } from './refusal.js';
import { giveBack, giveBackAtNext, replaceMethod } from './reparse.js';
import { findFault } from './request-check.js';
import { resetConnection } from './reset.js';
import { plainHead, withoutUpgrade } from './rewritten-head.js';
import { hasOtherExpectation, isContentParsed } from './upgrade-content.js';
import { LateUpgrade, protocolOf, UpgradeRequest, type Upgrade } from './upgrade.js';

export interface IntakeOptions {
  readonly clock: Clock;
  /** Starts the exchange of a request that has its turn. */
  readonly start: (stream: Http1Stream, request: IncomingMessage, response: ServerResponse) => void;
  /** A request was refused here, which no exchange tells of. */
  readonly onRefused: (status: number, why: string) => void;
  /** No connection is to be kept for further requests. */
  readonly isClosing: () => boolean;
}

/** Takes the requests of all connections of `server` from now on. */
export function takeIn(server: Server, options: IntakeOptions): void {
  new Intake(server, options).open();
}

/** What Node's parser adds to its errors. */
interface ParserError extends NodeJS.ErrnoException {
  readonly reason?: string;
  readonly rawPacket?: Buffer;
  readonly bytesParsed?: number;
}

/** How a request came. */
interface Arrival {
  readonly original: Original | undefined;
  readonly isPipelined: boolean;
  readonly upgrade?: Upgrade;
}

type OnRequest = (request: IncomingMessage, response: ServerResponse) => void;

class Intake {
  readonly #server: Server;
  readonly #options: IntakeOptions;

  constructor(server: Server, options: IntakeOptions) {
    this.#server = server;
    this.#options = options;
  }

  open(): void {
    const server = this.#server;
    server.on('request', this.#onRequest);
    // 100 Continue is sent when an attempt wants the body: a refused upload never starts.
    server.on('checkContinue', this.#onRequest);
    server.on('checkExpectation', this.#onExpectation);
    server.on('upgrade', this.#onUpgrade);
    server.on('connect', this.#onConnect);
    server.on('clientError', this.#onClientError);
  }

  readonly #onRequest: OnRequest = (request, response) => {
    const connection = Connection.of(request.socket);
    const original = connection.takeOriginal();
    const isPipelined = connection.isBusy || original?.isPipelined === true;
    connection.take(() => {
      connection.lastsUntil(response);
      this.#begin(connection, request, response, { original, isPipelined });
    }, request);
  };

  /** Any other than 100 Continue (RFC 9110, section 10.1.1). */
  readonly #onExpectation: OnRequest = (request, response) => {
    const connection = Connection.of(request.socket);
    connection.take(() => {
      connection.lastsUntil(response);
      this.#refuse(response, 417, `Expect: ${request.headers.expect}`);
    }, request);
  };

  #begin(
    connection: Connection,
    request: IncomingMessage,
    response: ServerResponse,
    { original, isPipelined, upgrade }: Arrival,
  ): void {
    if (this.#options.isClosing()) response.shouldKeepAlive = false;
    const fault = findFault(request);
    if (fault !== undefined) return this.#refuse(response, fault.status, fault.why);
    const protocol = original?.upgrade;
    const stream = new Http1Stream(request, response, this.#options.clock, {
      method: original?.method,
      upgrade: protocol === undefined ? upgrade : new LateUpgrade(protocol, response),
      peerAddress: connection.peerAddress,
      isPipelined,
      isClosing: this.#options.isClosing,
    });
    if (isLastHop(stream)) return respondAsLastHop(stream);
    connection.stream = stream;
    this.#options.start(stream, request, response);
  }

  /** Node gives the connection away: with what has come after the request, or with a stream that keeps it. */
  readonly #onUpgrade = (request: IncomingMessage, handed: Duplex, rest: Buffer): void => {
    const { socket } = request;
    const connection = Connection.of(socket);
    const original = connection.takeOriginal();
    const isSpent = handed !== socket;
    if (isSpent) {
      // It repeats the errors of the socket.
      handed.on('error', () => {});
      // Node would read on with the content only, and not notice a client that leaves.
      socket.resume();
    }
    connection.takeBare(() => {
      const protocol = protocolOf(request);
      const hasContent = announcesBody(request);
      if (hasContent ? !isContentParsed() : protocol === undefined) {
        // The parser reads it again, as a request like any other.
        connection.expect({ ...original, upgrade: protocol });
        return giveBack(this.#server, socket, Buffer.concat([plainHead(request), rest]));
      }
      const upgrade = new UpgradeRequest(request, protocol, handed, rest, (early) =>
        this.#awaitNext(socket, early, isSpent),
      );
      const { response } = upgrade;
      connection.lastsUntil(response);
      response.once('finish', () => {
        if (!request.complete) socket.setTimeout(this.#server.keepAliveTimeout);
      });
      if (hasOtherExpectation(request)) {
        return this.#refuse(response, 417, `Expect: ${request.headers.expect}`);
      }
      if (hasContent) request.rawHeaders = withoutUpgrade(request.rawHeaders);
      const isPipelined = original?.isPipelined === true;
      this.#begin(connection, request, response, { original, isPipelined, upgrade });
    }, request);
  };

  /** After an upgrade that the upstream did not agree to, the connection is one like any other. */
  #awaitNext(socket: Socket, early: Buffer, isSpent: boolean): void {
    if (early.length > 0) return giveBack(this.#server, socket, early, isSpent);
    if (this.#options.isClosing()) return socket.destroySoon();
    giveBackAtNext(this.#server, socket, isSpent);
  }

  /** A gateway opens no connections to where clients choose (RFC 9110, section 9.3.6). */
  readonly #onConnect = (_request: IncomingMessage, socket: Socket): void => {
    Connection.of(socket).takeBare(() => this.#refuseSocket(socket, 405, 'the method is CONNECT'));
  };

  /** Bytes that are no HTTP, a head that is late or too long, or a connection that has failed. */
  readonly #onClientError = (error: ParserError, socket: Socket): void => {
    const status = statusOfError(error);
    if (status === undefined) return void socket.destroy(error);
    const connection = Connection.of(socket);
    // The parser says it again for all that comes after.
    if (connection.isOver) return;
    if (this.#goOnWithMethod(error, socket, connection)) return;
    connection.isOver = true;
    // What follows a request that says `Connection: close` is no request.
    if (error.code === 'HPE_CLOSED_CONNECTION') return ignoreRest(socket);
    // Another response would be taken for that to a request which the client sends next.
    if (connection.isInOvertakenBody) return socket.destroySoon();
    const why = error.reason ?? error.message;
    const { response, stream } = connection;
    if (!connection.meetsDefect()) {
      ignoreRest(socket);
      return connection.take(() => this.#refuseSocket(socket, status, why));
    }
    if (response?.headersSent === true) return resetConnection(socket);
    // A client that ends before its body has left: its exchange learns that from the end of the connection.
    const hasLeft = error.code === 'HPE_INVALID_EOF_STATE';
    if (!hasLeft && stream?.reportMalformed(why) === true) return;
    if (!hasLeft || stream === undefined) this.#options.onRefused(status, why);
    breakOff(socket, status);
  };

  /** A method that the parser does not know: the connection goes on with another parser when it has its turn. */
  #goOnWithMethod(error: ParserError, socket: Socket, connection: Connection): boolean {
    const { rawPacket, bytesParsed } = error;
    if (!connection.isAtRequest || rawPacket === undefined || bytesParsed === undefined) {
      return false;
    }
    const begun = findForeignStart(rawPacket, bytesParsed);
    if (begun === undefined) return false;
    connection.isOver = true;
    const isPipelined = connection.isBusy;
    const held = new HeldRequest(socket, begun);
    const { clock } = this.#options;
    connection.take(() => {
      held.awaitMethod(
        clock,
        this.#server.headersTimeout,
        (found) => {
          if (found === undefined) {
            this.#refuseSocket(socket, statusOfError(error)!, error.reason ?? error.message);
          } else replaceMethod(this.#server, socket, found, isPipelined);
        },
        () => this.#refuseSocket(socket, 408, 'the method is not complete in time'),
      );
    });
    return true;
  }

  #refuseSocket(socket: Socket, status: number, why: string): void {
    Connection.of(socket).isOver = true;
    this.#options.onRefused(status, why);
    refuseSocket(socket, status, this.#options.clock);
  }

  #refuse(response: ServerResponse, status: number, why: string): void {
    this.#options.onRefused(status, why);
    respondBare(response, status);
  }
}
