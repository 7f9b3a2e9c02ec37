/**
 * @fastify/http-proxy as its README shows it.
 *
 *   node bare-http-proxy.js PORT TARGET ROUTES
 */
import httpProxy from '@fastify/http-proxy';
import fastify from 'fastify';

const [port, upstream, routes] = process.argv.slice(2) as [string, string, string];

const app = fastify({ keepAliveTimeout: 75_000 });
const prefixes =
  routes === '0' ? ['/'] : Array.from({ length: Number(routes) }, (_, i) => `/r${i}`);
for (const prefix of prefixes) {
  await app.register(httpProxy, { upstream, prefix, rewritePrefix: prefix });
}
await app.listen({ host: '127.0.0.1', port: Number(port) });
process.on('SIGTERM', () => process.exit(0));
