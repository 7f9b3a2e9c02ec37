/**
 * The floor of HTTP/2: the least that a correct proxy of node:http2 can be. One session to the upstream; header fields as
 * they came; streams with back-pressure; trailers; a client that leaves takes its call along, and a broken response breaks
 * off. No policy, metric or log.
 *
 *   node http2-floor.js PORT TARGET
 */
import {
  connect,
  constants,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';

const [port, target] = process.argv.slice(2) as [string, string];

const { NGHTTP2_CANCEL, NGHTTP2_FLAG_END_STREAM } = constants;

const session = connect(target);
session.on('error', (error) => {
  throw error;
});

const ignore = () => {};

function forward(client: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
  const upstream = session.request(headers, { endStream: client.endAfterHeaders });
  let trailers: IncomingHttpHeaders | undefined;
  client.on('error', ignore);
  upstream.on('error', ignore);
  client.on('data', (chunk: Buffer) => {
    if (!upstream.write(chunk)) client.pause();
  });
  client.on('end', () => upstream.end());
  client.on('aborted', () => upstream.close(NGHTTP2_CANCEL));
  client.on('drain', () => upstream.resume());
  upstream.on('drain', () => client.resume());
  upstream.on('response', (head, flags) => {
    if ((flags & NGHTTP2_FLAG_END_STREAM) !== 0) return client.respond(head, { endStream: true });
    client.respond(head, { waitForTrailers: true });
  });
  upstream.on('trailers', (fields) => (trailers = fields));
  upstream.on('data', (chunk: Buffer) => {
    if (!client.write(chunk)) upstream.pause();
  });
  upstream.on('aborted', () => client.destroy(new Error('the response cannot be completed')));
  upstream.on('end', () => {
    if (client.destroyed || client.writableEnded) return;
    client.on('wantTrailers', () => client.sendTrailers(trailers ?? {}));
    client.end();
  });
}

const server = createServer();
server.on('stream', forward);
server.listen({ host: '127.0.0.1', port: Number(port) });
process.on('SIGTERM', () => process.exit(0));
