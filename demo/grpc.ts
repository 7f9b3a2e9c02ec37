/** The gRPC of the demo, over node:http2: the one method of its upstream, and calls of it. */
import {
  connect,
  createServer,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { PATIENCE_MS, type Way } from './client.js';
import type { Decide, Served } from './serve.js';

const HEAD = { ':status': 200, 'content-type': 'application/grpc' } as const;

/** By the HTTP status that the script speaks of. */
const codes: Readonly<Record<number, number>> = { 200: 0, 503: 14 };
const INTERNAL = 13;

/** Statuses that are no fault of the server or of the way to it: those of an application. */
const NO_FAILURES = new Set(['0', '3', '5', '6', '7', '9', '11', '16']);

/** With its prefix of five bytes. */
function message(text: string): Buffer {
  const bytes = Buffer.from(text);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([prefix, bytes]);
}

function respond(stream: ServerHttp2Stream, status: number, text: string): void {
  if (stream.destroyed || stream.closed) return;
  const code = codes[status] ?? INTERNAL;
  if (code !== 0) return stream.respond({ ...HEAD, 'grpc-status': code }, { endStream: true });
  stream.respond(HEAD, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': 0 }));
  stream.end(message(text));
}

export function serveGrpc(port: number, decide: Decide, onOpen?: () => void): Served {
  const sessions = new Set<ServerHttp2Session>();
  const server = createServer();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => {});
    session.on('close', () => sessions.delete(session));
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    stream.resume();
    const { fate, phase } = decide(headers['x-call'], headers['x-attempt-count']);
    if (fate.kind === 'reset') stream.session?.destroy();
    else if (fate.kind === 'response') {
      setTimeout(respond, fate.delayMs, stream, fate.status, phase);
    }
  });
  server.listen(port, '127.0.0.1', onOpen);
  return {
    close() {
      server.close();
      for (const session of sessions) session.close();
    },
  };
}

/** Calls over one connection, and over a new one when it is lost. */
export function grpcWay(port: number): Way {
  let session: ClientHttp2Session | undefined;
  return {
    call(path, number) {
      if (session === undefined || session.destroyed || session.closed) {
        session = connect(`http://127.0.0.1:${port}`);
        session.on('error', () => {});
      }
      const stream = session.request({
        ':method': 'POST',
        ':path': '/demo.Catalog/Get',
        'content-type': 'application/grpc',
        te: 'trailers',
        'grpc-timeout': `${PATIENCE_MS}m`,
        'x-call': number,
      });
      stream.end(message(path));
      return succeeds(stream);
    },
    close: () => session?.destroy(),
  };
}

/** Whether a status that is no failure came in time. */
function succeeds(stream: ClientHttp2Stream): Promise<boolean> {
  return new Promise((resolve) => {
    let status: unknown;
    stream.on('response', (head) => (status = head['grpc-status']));
    stream.on('trailers', (trailers) => (status = trailers['grpc-status']));
    stream.on('error', () => {});
    stream.resume();
    const patience = setTimeout(() => stream.destroy(), PATIENCE_MS);
    stream.on('close', () => {
      clearTimeout(patience);
      resolve(NO_FAILURES.has(String(status)));
    });
  });
}
