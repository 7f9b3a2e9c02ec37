/**
 * http-proxy-3 with connections to the upstream that are kept; it has no routes.
 *
 *   node http-proxy-3.js PORT TARGET
 */
import http from 'node:http';
import { createProxyServer } from 'http-proxy-3';

const [port, target] = process.argv.slice(2) as [string, string];

const proxy = createProxyServer({ target, agent: new http.Agent({ keepAlive: true }) });
proxy.on('error', (_error, _request, response) => {
  if (response instanceof http.ServerResponse && !response.headersSent) response.writeHead(502);
  response.end();
});
const server = http.createServer((request, response) => proxy.web(request, response));
server.keepAliveTimeout = 75_000;
server.listen(Number(port), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
