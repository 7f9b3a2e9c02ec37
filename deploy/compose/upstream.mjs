// The upstream of docker-compose.yml: one call in four fails, one in fifty hangs. PORT says where it listens.
import { createServer } from 'node:http';

const FAILS = 0.25;
const HANGS = 0.02;
const SLOWEST_MS = 50;

const server = createServer((request, response) => {
  request.resume();
  if (request.url === '/healthz') {
    response.end('ok\n');
    return;
  }
  const luck = Math.random();
  if (luck < HANGS) return;
  const status = luck < HANGS + FAILS ? 503 : 200;
  setTimeout(() => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(`${JSON.stringify({ path: request.url, status })}\n`);
  }, Math.random() * SLOWEST_MS);
});

server.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`upstream: listens on ${server.address().port}`);
});

process.on('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
});
