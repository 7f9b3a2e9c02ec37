/**
 * The upstream of gRPC calls: node:http2, as there is nothing that costs less on every machine.
 *
 *   node grpc-upstream.js PORT
 */
import { createServer } from 'node:http2';
import { RESPONSE } from './grpc.js';

const server = createServer();
server.on('stream', (stream) => {
  stream.on('error', () => {});
  stream.resume();
  stream.on('end', () => {
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc' },
      { waitForTrailers: true },
    );
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(RESPONSE);
  });
});
server.listen({ host: '127.0.0.1', port: Number(process.argv[2]) });
process.on('SIGTERM', () => process.exit(0));
