/**
 * An upstream as a process of its own, which says which one it is.
 *
 *   node fleet-process.js HOST PORT
 */
import http from 'node:http';

const [host, port] = process.argv.slice(2) as [string, string];
const server = http.createServer((_request, response) => response.end(host));
server.listen(Number(port), host, () => console.log('ready'));
