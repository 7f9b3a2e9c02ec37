/** A gRPC server and a gRPC client in frames of node:http2: tests see the wire as no gRPC library shows it. */
import { once } from 'node:events';
import {
  connect,
  constants,
  createServer,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { Teardown } from './sidecar.js';

/** With its prefix of five bytes. */
export function message(text: string): Buffer {
  const body = Buffer.from(text);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(body.length, 1);
  return Buffer.concat([prefix, body]);
}

/** The messages of a body; a rest that is no whole message counts as one of its own. */
export function messagesIn(body: Buffer): string[] {
  const messages: string[] = [];
  for (let at = 0; at < body.length;) {
    const end = at + 5 + (body.length - at >= 5 ? body.readUInt32BE(at + 1) : 0);
    messages.push(body.subarray(at + 5, end).toString());
    at = end;
  }
  return messages;
}

const HEAD = { ':status': 200, 'content-type': 'application/grpc' };

/** One call as the server has it. */
export class ServedCall {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  /** The code that the client has reset it with. */
  resetBy: number | undefined;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders) {
    this.stream = stream;
    this.headers = headers;
    stream.on('error', () => {});
    stream.on('aborted', () => (this.resetBy = stream.rstCode));
  }

  /** A status and nothing else. */
  refuse(code: number, fields: OutgoingHttpHeaders = {}): void {
    this.stream.respond({ ...HEAD, 'grpc-status': code, ...fields }, { endStream: true });
  }

  /** The head. */
  begin(fields: OutgoingHttpHeaders = {}): void {
    this.stream.respond({ ...HEAD, ...fields }, { waitForTrailers: true });
  }

  send(text: string): void {
    this.stream.write(message(text));
  }

  end(code: number, fields: OutgoingHttpHeaders = {}): void {
    this.stream.on('wantTrailers', () =>
      this.stream.sendTrailers({ 'grpc-status': code, ...fields }),
    );
    this.stream.end();
  }

  /** The head, one message, and the trailers of a good response. */
  respond(text: string): void {
    this.begin();
    this.send(text);
    this.end(0);
  }
}

export interface GrpcServer {
  readonly url: string;
  readonly calls: ServedCall[];
}

export async function startGrpcServer(
  t: Teardown,
  onCall: (call: ServedCall, number: number) => void,
): Promise<GrpcServer> {
  const calls: ServedCall[] = [];
  const sockets: Socket[] = [];
  const server = createServer();
  server.on('connection', (socket: Socket) => sockets.push(socket));
  server.on('session', (session) => session.on('error', () => {}));
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    const call = new ServedCall(stream, headers);
    calls.push(call);
    onCall(call, calls.length);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, calls };
}

/** What the client has seen of a call. */
export class SentCall {
  readonly stream: ClientHttp2Stream;
  head: IncomingHttpHeaders | undefined;
  /** The head was all there is. */
  isTrailersOnly = false;
  readonly informational: number[] = [];
  trailers: IncomingHttpHeaders | undefined;
  readonly #chunks: Buffer[] = [];
  readonly #closed: Promise<unknown>;

  constructor(stream: ClientHttp2Stream) {
    this.stream = stream;
    stream.on('response', (head, flags) => {
      this.head = head;
      this.isTrailersOnly = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    });
    stream.on('headers', (head) => this.informational.push(Number(head[':status'])));
    stream.on('trailers', (trailers) => (this.trailers = trailers));
    stream.on('data', (chunk: Buffer) => this.#chunks.push(chunk));
    stream.on('error', () => {});
    this.#closed = new Promise((resolve) => stream.once('close', resolve));
  }

  get body(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  get messages(): string[] {
    return messagesIn(this.body);
  }

  /** `0`, `14`, ...; undefined where there was none. */
  get status(): unknown {
    return (this.isTrailersOnly ? this.head : this.trailers)?.['grpc-status'];
  }

  /** Waits for the end of the stream. */
  async end(): Promise<this> {
    await this.#closed;
    return this;
  }
}

export interface GrpcClient {
  /** Sends a head, and leaves the stream open. */
  open(path: string, fields?: OutgoingHttpHeaders): SentCall;
  /** Sends one message, and waits for the end of the call. */
  call(path: string, fields?: OutgoingHttpHeaders): Promise<SentCall>;
}

export function createGrpcClient(t: Teardown, url: string): GrpcClient {
  const session = connect(url);
  session.on('error', () => {});
  t.teardown(() => session.destroy());
  const open = (path: string, fields: OutgoingHttpHeaders = {}) =>
    new SentCall(
      session.request({
        ':method': 'POST',
        ':path': path,
        'content-type': 'application/grpc',
        te: 'trailers',
        ...fields,
      }),
    );
  return {
    open,
    async call(path, fields) {
      const call = open(path, fields);
      call.stream.end(message('request'));
      return call.end();
    },
  };
}
