/** HTTP/1 requests of clients: what passes the checks means the same to Breakwater and to the next hop. */
import assert from 'node:assert/strict';
import { createServer, METHODS, type IncomingMessage } from 'node:http';
import { fieldLines, hasField } from '../../../src/http/fields.js';
import { hopByHop } from '../../../src/http/hop-by-hop.js';
import { forwardRequestHeaders } from '../../../src/inbound/forward-headers.js';
import type { Http1Stream } from '../../../src/inbound/http1/http1-stream.js';
import { takeIn } from '../../../src/inbound/http1/intake.js';
import { isHost, pathOf } from '../../../src/inbound/target.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
import { connectTo } from '../../support/http1-pair.js';
import type { Target } from '../target.js';

/** A request that has been read to its end. */
interface Taken {
  readonly method: string;
  readonly target: string;
  readonly body: string;
  /** As it goes on to the upstream. */
  readonly forwarded: string;
}

/** Turns of the event loop without any change after which there will be none. */
const QUIET_TURNS = 4;

async function untilQuiet(state: () => number): Promise<void> {
  let last = state();
  for (let turns = 0; turns < QUIET_TURNS; turns++) {
    await settle();
    if (state() !== last) turns = -1;
    last = state();
  }
}

/** As the writer of requests does it, but for a body of unknown length, which is written with its length here. */
function forward(stream: Http1Stream, body: string): string {
  const { method, target, host = '' } = stream;
  const fields = forwardRequestHeaders(stream, 'id');
  const length =
    stream.body === undefined || stream.body.length !== undefined
      ? ''
      : `Content-Length: ${body.length}\r\n`;
  return `${method} ${pathOf(method, target)} HTTP/1.1\r\nHost: ${host}\r\n${fieldLines(fields)}${length}\r\n${body}`;
}

/** Sends `bytes` to a server with an intake that responds to each request once it is complete. */
async function takeAll(
  bytes: Buffer,
): Promise<{ taken: Taken[]; refused: number; received: string }> {
  const taken: Taken[] = [];
  let refused = 0;
  let events = 0;
  const respond = (stream: Http1Stream, body: string) => {
    taken.push({
      method: stream.method,
      target: stream.target,
      body,
      forwarded: forward(stream, body),
    });
    stream.sendHead(200, undefined, ['Content-Length', '0'], false);
    stream.end();
  };
  const server = createServer({ requireHostHeader: false });
  takeIn(server, {
    clock: new FakeClock(),
    start(stream) {
      let body = '';
      stream.listen({
        onDrain() {},
        onClose() {},
        onMalformed() {
          refused += 1;
          stream.refuse(400);
        },
      });
      if (stream.body === undefined) return respond(stream, '');
      stream.body.sendTo({
        onData(chunk) {
          events += 1;
          body += chunk.toString('latin1');
        },
        onEnd: () => respond(stream, body),
      });
    },
    onRefused: () => void (refused += 1),
    isClosing: () => false,
  });
  const pair = connectTo(server);
  pair.client.end(bytes);
  await untilQuiet(() => events + taken.length + refused + pair.received().length);
  pair.client.destroy();
  pair.server.destroy();
  await settle();
  return { taken, refused, received: pair.received() };
}

interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

/** What the parser of a server of Node makes of `text`. */
async function readByNode(text: string): Promise<{ seen: Seen[]; isRefused: boolean }> {
  const seen: Seen[] = [];
  let isRefused = false;
  const server = createServer();
  const take = (request: IncomingMessage, end: () => void) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString('latin1')));
    request.on('end', () => {
      const { method, url, rawHeaders } = request;
      seen.push({ method, url, rawHeaders, body });
      end();
    });
  };
  server.on('request', (request, response) => take(request, () => response.end()));
  server.on('clientError', (_error, socket) => {
    isRefused = true;
    socket.destroy();
  });
  const pair = connectTo(server);
  pair.client.end(Buffer.from(text, 'latin1'));
  await untilQuiet(() => seen.length + pair.received().length + Number(isRefused));
  pair.client.destroy();
  pair.server.destroy();
  await settle();
  return { seen, isRefused };
}

const seed = (text: string) => text.replaceAll('\n', '\r\n');

export const request: Target = {
  name: 'request',
  property:
    'A request that passes the checks is, as it is forwarded, exactly one request to the parser of Node, with the same method, path and body, and without a field that concerns one connection only.',
  seeds: [
    seed('GET /a?b=c HTTP/1.1\nHost: a.example:80\nX-A: 1\nX-A: 2\n\n'),
    seed('POST /1 HTTP/1.1\nHost: a\nContent-Length: 5\n\nhelloGET /2 HTTP/1.1\nHost: a\n\n'),
    seed(
      'PUT /1 HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nTrailer: X\n\n3;x=y\nabc\n0\nX: 1\n\n',
    ),
    seed(
      'GET http://b:1/p HTTP/1.1\nHost: a\nConnection: close, X-Gone\nX-Gone: 1\nKeep-Alive: 1\n\n',
    ),
    seed('OPTIONS * HTTP/1.1\nHost: a\nMax-Forwards: 3\nTE: trailers\n\n'),
    seed('GET / HTTP/1.0\n\n'),
    seed('MADEUP /x HTTP/1.1\nHost: a\n\n'),
  ],
  words: [
    '\r\n',
    '\r\n\r\n',
    '\n',
    'GET ',
    'POST ',
    'CONNECT ',
    'OPTIONS * ',
    'HTTP/1.1',
    'HTTP/1.0',
    'HTTP/0.9',
    'HTTP/2.0',
    'Host: ',
    'Content-Length: ',
    'Content-Length: 0\r\n',
    'Transfer-Encoding: chunked\r\n',
    'Transfer-Encoding: gzip, chunked\r\n',
    'Transfer-Encoding: identity\r\n',
    'chunked',
    ', ',
    'Connection: ',
    'Upgrade: websocket\r\n',
    'Expect: 100-continue\r\n',
    '0\r\n\r\n',
    '5\r\nhello\r\n',
    'http://',
    '//',
    '@',
    '#',
    '[::1]',
    '%0d%0a',
    ' ',
    '\t',
    ':',
    ';',
    '\0',
  ],
  longest: 1200,
  async check(input) {
    const { taken, refused, received } = await takeAll(input);
    const statuses = received.match(/HTTP\/1\.1 [2-5]\d\d /g) ?? [];
    assert.ok(statuses.length <= taken.length + refused + 2, 'no more responses than requests');
    for (const { method, target, body, forwarded } of taken) {
      const path = pathOf(method, target);
      assert.ok(path.startsWith('/') || (path === '*' && method === 'OPTIONS'), path);
      // Methods that the parser of Node does not know go to upstreams that may know them.
      if (!METHODS.includes(method)) continue;
      const { seen, isRefused } = await readByNode(forwarded);
      assert.deepEqual(
        { count: seen.length, isRefused },
        { count: 1, isRefused: false },
        forwarded,
      );
      const [read] = seen;
      assert.equal(read!.method, method);
      assert.equal(read!.url, path);
      assert.equal(read!.body, body);
      for (const name of hopByHop) {
        if (name === 'te' || name === 'connection') continue;
        assert.ok(!hasField(read!.rawHeaders, name), `${name} is of one connection`);
      }
      const host = read!.rawHeaders[1]!;
      assert.ok(isHost(host), host);
    }
  },
};
