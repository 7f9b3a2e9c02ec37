/**
 * The upstream where there is no nginx: the least HTTP that serves every workload, over raw sockets, so that it costs less
 * than any proxy before it.
 *
 *   node upstream.js PORT [HOST...]
 */
import net from 'node:net';
import { FAILING_SHARE, LARGE_BYTES, SMALL_BODY } from './responses.js';

const encode = (status: string, body: string) =>
  Buffer.from(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n` +
      `Date: ${new Date().toUTCString()}\r\n\r\n${body}`,
    'latin1',
  );

const small = encode('200 OK', SMALL_BODY);
const large = encode('200 OK', 'x'.repeat(LARGE_BYTES));
const unavailable = encode('503 Service Unavailable', '{"error":"try again"}');
const broken = encode('500 Internal Server Error', '{"error":"broken"}');

function respond(head: string, length: number): Buffer {
  const path = head.slice(head.indexOf(' ') + 1, head.indexOf(' HTTP/'));
  switch (path) {
    case '/large':
      return large;
    case '/flaky':
      return Math.random() < FAILING_SHARE ? unavailable : small;
    case '/fail':
      return broken;
    case '/received':
      return encode('200 OK', String(length));
    default:
      return small;
  }
}

function serve(socket: net.Socket): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (;;) {
      const headEnd = rest.indexOf('\r\n\r\n');
      if (headEnd === -1) return;
      const head = rest.toString('latin1', 0, headEnd);
      const length = /\r\ncontent-length: *(\d+)/i.exec(head);
      let end = headEnd + 4 + Number(length?.[1] ?? 0);
      if (length === null && /\r\ntransfer-encoding: *chunked/i.test(head)) {
        const last = rest.indexOf('0\r\n\r\n', headEnd + 4, 'latin1');
        if (last === -1) return;
        end = last + 5;
      }
      if (rest.length < end) return;
      rest = rest.subarray(end);
      socket.write(respond(head, Number(length?.[1] ?? 0)));
    }
  });
}

const [port, ...hosts] = process.argv.slice(2);
for (const host of hosts.length === 0 ? ['127.0.0.1'] : hosts) {
  net.createServer({ noDelay: true }, serve).listen({ host, port: Number(port), backlog: 4096 });
}
process.on('SIGTERM', () => process.exit(0));
