/**
 * One process of a service: it takes 10 ms for a response, is not ready in its first half second, and ends on SIGTERM as a service should
 * that is behind a load balancer: not ready, a pause for those who look, then it closes its connections.
 *
 *   node replica.js PORT
 */
import http from 'node:http';

const RESPONSE_MS = 10;
/** It is there, and responds 503. */
const WARM_UP_MS = 500;
const LINGER_MS = 500;

const startedMs = performance.now();
let isEnding = false;

const server = http.createServer((request, response) => {
  const isWarm = performance.now() - startedMs >= WARM_UP_MS;
  const isWell = isWarm && (request.url !== '/healthz' || !isEnding);
  response.statusCode = isWell ? 200 : 503;
  setTimeout(() => response.end('ok'), RESPONSE_MS);
});
server.listen(Number(process.argv[2]), '127.0.0.1');
process.on('SIGTERM', () => {
  isEnding = true;
  setTimeout(() => server.close(() => process.exit(0)), LINGER_MS);
});
