/** A client and Node's HTTP/1 server at the two ends of a pair of streams: the real parser without sockets. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Duplex } from 'node:stream';

/** One end; what is written to it can be read at the other. */
class End extends Duplex {
  other!: End;
  /** What each write to this end carried. */
  readonly writes: string[] = [];
  isReset = false;
  remoteAddress: string | undefined = '192.0.2.7';
  #waiting: (() => void) | undefined;

  override _read(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#pass([chunk], done);
  }

  override _writev(all: { chunk: Buffer }[], done: () => void): void {
    this.#pass(
      all.map(({ chunk }) => chunk),
      done,
    );
  }

  override _final(done: () => void): void {
    this.other.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.other.destroyed) this.other.push(null);
    done(error);
  }

  // As a socket has them.

  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  resetAndDestroy(): void {
    this.isReset = true;
    this.destroy();
  }

  setTimeout(): void {}

  /** The write lasts while the other end is full. */
  #pass(chunks: Buffer[], done: () => void): void {
    const all = Buffer.concat(chunks);
    this.writes.push(all.toString('latin1'));
    if (this.other.push(all)) done();
    else this.other.#waiting = done;
  }
}

export interface Http1Pair {
  readonly client: Duplex;
  readonly server: End;
  /** All that the client has received. */
  readonly received: () => string;
}

/** The client takes what comes unless it is paused. @param onRequest gets each request of the connection. */
export function connectHttp1(
  onRequest: (request: IncomingMessage, response: ServerResponse) => void,
  onUpgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void,
): Http1Pair {
  const http = createServer();
  http.on('request', onRequest);
  http.on('checkContinue', onRequest);
  if (onUpgrade !== undefined) http.on('upgrade', onUpgrade);
  return connectTo(http);
}

/** Connects a client to a server that has its listeners. */
export function connectTo(http: Server): Http1Pair {
  const [client, server] = [new End(), new End()];
  client.other = server;
  server.other = client;
  http.emit('connection', server);
  let text = '';
  client.on('data', (chunk: Buffer) => void (text += chunk.toString('latin1')));
  client.on('error', () => {});
  server.on('error', () => {});
  return { client, server, received: () => text };
}
