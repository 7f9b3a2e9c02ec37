/** The server of the simulations with real sockets, in real time. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Fields } from '../../src/http/fields.js';
import type { ResponseHandler, ResponseHead } from '../../src/outbound/client.js';
import type { ModelServer } from '../../src/simulation/model-server.js';
import { ServedRequest } from '../../src/simulation/server.js';

/** Writes what the model decides to a real connection. */
class Responder implements ResponseHandler {
  readonly #request: http.IncomingMessage;
  readonly #response: http.ServerResponse;

  constructor(request: http.IncomingMessage, response: http.ServerResponse) {
    this.#request = request;
    this.#response = response;
  }

  get isOver(): boolean {
    return this.#response.destroyed;
  }

  onHead({ status, headers }: ResponseHead): void {
    this.#response.writeHead(status, [...headers]);
  }

  onData(chunk: Buffer): void {
    this.#response.write(chunk);
  }

  onEnd(_trailers: Fields): void {
    this.#response.end();
  }

  onFailure(): void {
    this.#request.socket.resetAndDestroy();
  }

  onStart(): void {}
  onStall(): void {}
  onSent(): void {}
  onInformational(): void {}
  onUpgrade(): void {}
}

const nothing = () => {};

export class LiveServer {
  readonly #model: ModelServer;
  readonly #onAttempt: () => () => void;
  #server: http.Server | undefined;
  #port = 0;

  /** @param onAttempt is called with each request; what it returns, when the response has been sent. */
  constructor(model: ModelServer, onAttempt: () => () => void) {
    this.#model = model;
    this.#onAttempt = onAttempt;
  }

  get port(): number {
    return this.#port;
  }

  /** Takes connections again, where it does not. */
  async reopen(): Promise<void> {
    if (this.#server === undefined) await this.open();
  }

  /** Takes connections, at the same port each time. */
  async open(): Promise<void> {
    const server = http.createServer({ keepAliveTimeout: 0 }, (request, response) => {
      response.on('finish', this.#onAttempt());
      const { method = 'GET', url: path = '/', rawHeaders: fields } = request;
      const outbound = { method, path, fields, authority: '', body: undefined, upgrade: undefined };
      // A connection is there, so the model need not open one.
      this.#model.serve(
        new ServedRequest(outbound, new Responder(request, response), true, nothing),
      );
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Connections are refused from now on, and idle ones end; the model ends those with a request. */
  close(): void {
    this.#server?.close();
    this.#server?.closeIdleConnections();
    this.#server = undefined;
  }

  /** Ends all connections. */
  destroy(): void {
    const server = this.#server;
    this.close();
    server?.closeAllConnections();
  }
}
