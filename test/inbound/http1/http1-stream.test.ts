import type { IncomingMessage, ServerResponse } from 'node:http';
import t from 'tap';
import { Http1Stream, type Http1StreamOptions } from '../../../src/inbound/http1/http1-stream.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
import { connectHttp1 } from '../../support/http1-pair.js';

/** Sends `text`, and gives the stream of each request that it makes. */
async function open(text: string, options: Http1StreamOptions = {}) {
  const clock = new FakeClock();
  const streams: Http1Stream[] = [];
  const closed: Http1Stream[] = [];
  const drained: Http1Stream[] = [];
  const pair = connectHttp1((request: IncomingMessage, response: ServerResponse) => {
    response.sendDate = false;
    const stream = new Http1Stream(request, response, clock, options);
    stream.listen({
      onClose: () => void closed.push(stream),
      onDrain: () => void drained.push(stream),
      onMalformed() {},
    });
    streams.push(stream);
  });
  pair.client.write(text);
  await settle();
  return { ...pair, clock, streams, stream: streams[0]!, closed, drained };
}

const GET = 'GET /a?b HTTP/1.1\r\nHost: shop.example\r\nX-One: 1\r\n\r\n';
const post = (fields: string, body = '') =>
  `POST / HTTP/1.1\r\nHost: a\r\n${fields}\r\n\r\n${body}`;

/** Reads a body as it comes. */
function read({ body }: Http1Stream) {
  const seen = { text: '', hasEnded: false };
  body!.sendTo({
    onData: (chunk) => void (seen.text += chunk.toString()),
    onEnd: () => void (seen.hasEnded = true),
  });
  return seen;
}

t.test('the head of a request is as on the wire', async (t) => {
  const { stream } = await open(GET);
  t.match(stream, { method: 'GET', target: '/a?b', protocolVersion: '1.1', host: 'shop.example' });
  t.same(stream.fields, ['Host', 'shop.example', 'X-One', '1']);
  t.match(stream, { peerAddress: '192.0.2.7', isSecure: false, upgrade: undefined });
  t.equal(stream.body, undefined);
});

t.test('a response', async (t) => {
  t.test('with a small body leaves in one write', async (t) => {
    const { stream, server, received, closed } = await open(GET);
    stream.sendHead(200, 'Fine', ['Content-Length', '5'], false);
    t.same(server.writes, []);
    stream.end(Buffer.from('hello'));
    await settle();
    t.same(server.writes, [
      'HTTP/1.1 200 Fine\r\nContent-Length: 5\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\nhello',
    ]);
    t.equal(received(), server.writes[0]);
    t.same(closed, [stream]);
  });

  t.test('has the usual status text, or the one it is given, or none', async (t) => {
    for (const [statusText, line] of [
      [undefined, 'HTTP/1.1 503 Service Unavailable\r\n'],
      ['Busy', 'HTTP/1.1 503 Busy\r\n'],
      ['', 'HTTP/1.1 503 \r\n'],
    ] as const) {
      const { stream, received } = await open(GET);
      stream.sendHead(503, statusText, [], false);
      stream.end();
      await settle();
      t.equal(received().slice(0, line.length), line);
    }
  });

  t.test('shows its head before any byte of the body', async (t) => {
    const { stream, received } = await open(GET);
    stream.sendHead(200, '', ['Content-Length', '1'], false);
    stream.flushHead();
    await settle();
    t.match(received(), /\r\n\r\n$/);
  });

  t.test('can end with trailers', async (t) => {
    const { stream, received } = await open(GET);
    stream.sendHead(200, '', ['Trailer', 'X-Sum'], false);
    stream.write(Buffer.from('ab'));
    stream.end(undefined, ['X-Sum', '1', 'X-Sum', '2']);
    await settle();
    t.match(received(), /\r\n0\r\nX-Sum: 1\r\nX-Sum: 2\r\n\r\n$/);
  });

  t.test('ends the connection where it is the last', async (t) => {
    const { stream, server, received } = await open(GET);
    stream.sendHead(200, '', ['Content-Length', '0'], true);
    stream.end();
    await settle();
    t.match(received(), /\r\nConnection: close\r\n/);
    t.equal(server.writableEnded, true);
  });

  t.test('cannot be sent with a forbidden character, and another one can', async (t) => {
    const { stream, received } = await open(GET);
    t.throws(() => stream.sendHead(200, '', ['X-A', 'a\nb'], false));
    stream.sendHead(502, undefined, ['Content-Length', '0'], false);
    stream.end();
    await settle();
    t.match(received(), /^HTTP\/1\.1 502 /);
    t.notMatch(received(), /X-A/);
  });

  t.test('says once when the client takes bytes again', async (t) => {
    const { stream, client, drained } = await open(GET);
    client.pause();
    stream.sendHead(200, '', [], false);
    const chunk = Buffer.alloc(100_000);
    t.equal(stream.write(chunk), false);
    for (let i = 0; i < 20; i++) t.equal(stream.write(chunk), false);
    await settle();
    t.same(drained, []);
    client.resume();
    await settle();
    t.same(drained, [stream]);
  });
});

t.test('a response that breaks off', async (t) => {
  t.test('is reset in every framing', async (t) => {
    for (const fields of [['Content-Length', '10'], []]) {
      const { stream, server } = await open(GET);
      stream.sendHead(200, '', fields, false);
      stream.write(Buffer.from('part'));
      stream.abort();
      t.equal(server.destroyed, true);
      t.equal(server.isReset, true);
    }
  });

  t.test('is reset after the response to an earlier request', async (t) => {
    const { streams, server, received } = await open(GET + GET);
    const [first, second] = streams as [Http1Stream, Http1Stream];
    second.sendHead(200, '', ['Content-Length', '10'], false);
    second.write(Buffer.from('part'));
    second.abort();
    t.equal(server.destroyed, false);
    first.sendHead(200, '', ['Content-Length', '5'], false);
    first.end(Buffer.from('whole'));
    await settle();
    t.match(received(), /whole$/);
    t.equal(server.isReset, true);
  });

  t.test('is reset where the end of the connection is the end of the body', async (t) => {
    const { stream, server } = await open('GET / HTTP/1.0\r\n\r\n');
    stream.sendHead(200, '', [], false);
    stream.write(Buffer.from('part'));
    stream.abort();
    t.equal(server.isReset, true);
  });

  t.test('is cut on a Unix socket, which has no resets', async (t) => {
    const { stream, server } = await open(GET);
    server.remoteAddress = undefined;
    stream.sendHead(200, '', ['Content-Length', '10'], false);
    stream.abort();
    t.same([server.destroyed, server.isReset], [true, false]);
  });

  t.test('lets a pipelining client receive the response before it first', async (t) => {
    const { stream, server, clock } = await open(GET, { isPipelined: true });
    stream.sendHead(200, '', ['Content-Length', '10'], false);
    stream.abort();
    t.equal(server.destroyed, false);
    await clock.advance(250);
    t.equal(server.isReset, true);
    await settle();
    t.equal(clock.pending, 0);
  });
});

t.test('a bare refusal', async (t) => {
  const { stream, received, server } = await open(GET);
  stream.refuse(408);
  await settle();
  t.equal(
    received(),
    'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
  );
  t.equal(server.writableEnded, true);

  const gone = await open(GET);
  gone.client.destroy();
  await settle();
  t.equal(gone.stream.isGone, true);
  t.same(gone.closed, [gone.stream]);
  gone.stream.refuse(408);
  t.same(gone.server.writes, []);
});

t.test('a 1xx response', async (t) => {
  t.test('is written at once', async (t) => {
    const { stream, received } = await open(GET);
    t.equal(stream.canSendInformational, true);
    stream.sendInformational(103, '', ['Link', '</a>']);
    stream.sendInformational(104, 'Own', []);
    await settle();
    t.equal(received(), 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 104 Own\r\n\r\n');
  });

  t.test('is not for HTTP/1.0, which has no trailers either', async (t) => {
    const { stream } = await open('GET / HTTP/1.0\r\n\r\n');
    t.equal(stream.canSendInformational, false);
    t.equal(stream.canSendTrailers, false);
    t.equal((await open(GET)).stream.canSendTrailers, true);
  });

  t.test('is not possible after the head', async (t) => {
    const { stream } = await open(GET);
    stream.sendHead(200, '', [], false);
    stream.flushHead();
    t.equal(stream.canSendInformational, false);
  });

  t.test('is not possible within the response to an earlier request', async (t) => {
    const { streams } = await open(GET + GET);
    t.same(
      streams.map((stream) => stream.canSendInformational),
      [true, false],
    );
  });

  t.test('is left out for a client that does not read', async (t) => {
    const { stream, client } = await open(GET);
    client.pause();
    const fields = ['X', 'x'.repeat(100_000)];
    stream.sendInformational(103, '', fields);
    t.equal(stream.canSendInformational, false);
  });
});

t.test('a request body', async (t) => {
  t.test('that came with its head is here as a whole', async (t) => {
    const { stream, received } = await open(post('Content-Length: 3', 'abc'));
    t.equal(stream.body!.length, 3);
    t.equal(stream.body!.isHere, true);
    t.equal(stream.body!.takeWhole().toString(), 'abc');
    stream.sendHead(200, '', ['Content-Length', '0'], false);
    stream.end();
    await settle();
    t.match(received(), /keep-alive/);
  });

  t.test('can come later, and end with trailers', async (t) => {
    const { stream, client } = await open(post('Transfer-Encoding: chunked', '2\r\nab\r\n'));
    t.equal(stream.body!.length, undefined);
    t.equal(stream.body!.isHere, false);
    const seen = read(stream);
    await settle();
    t.same(seen, { text: 'ab', hasEnded: false });
    client.write('1\r\nc\r\n0\r\nX-Sum: 1\r\n\r\n');
    await settle();
    t.same(seen, { text: 'abc', hasEnded: true });
    t.same(stream.body!.trailers, ['X-Sum', '1']);
  });

  t.test('can be held back, and dropped', async (t) => {
    const { stream, client } = await open(post('Content-Length: 6', 'ab'));
    const seen = read(stream);
    await settle();
    stream.body!.pause();
    t.equal(stream.body!.isPaused, true);
    client.write('cd');
    await settle();
    t.equal(seen.text, 'ab');
    stream.body!.resume();
    await settle();
    t.equal(seen.text, 'abcd');
    stream.body!.discard();
    client.write('ef');
    await settle();
    t.same(seen, { text: 'abcd', hasEnded: false });
  });

  t.test('gets its 100 Continue when it is wanted', async (t) => {
    const { stream, client, received } = await open(
      post('Content-Length: 3\r\nExpect: 100-continue'),
    );
    t.equal(received(), '');
    const seen = read(stream);
    await settle();
    t.equal(received(), 'HTTP/1.1 100 Continue\r\n\r\n');
    client.write('abc');
    await settle();
    t.same(seen, { text: 'abc', hasEnded: true });
  });

  t.test('that is still to come ends the connection where it is long or uncertain', async (t) => {
    for (const [fields, closes] of [
      ['Content-Length: 65536', false],
      ['Content-Length: 65537', true],
      ['Transfer-Encoding: chunked', true],
      ['Content-Length: 3\r\nExpect: 100-continue', true],
    ] as const) {
      const { stream, received } = await open(post(fields));
      stream.sendHead(403, undefined, ['Content-Length', '0'], false);
      stream.end();
      await settle();
      t.equal(/\r\nConnection: close\r\n/.test(received()), closes, fields);
    }
  });

  t.test('that may go on is read for a while so that the response arrives', async (t) => {
    for (const fields of ['Content-Length: 70000', 'Content-Length: 3\r\nExpect: 100-continue']) {
      const { stream, server, clock } = await open(post(fields));
      stream.sendHead(403, undefined, ['Content-Length', '0'], false);
      stream.end();
      await settle();
      t.equal(server.writableEnded, true);
      t.equal(server.destroyed, false, fields);
      await clock.advance(4999);
      t.equal(server.destroyed, false);
      await clock.advance(1);
      t.equal(server.destroyed, true);
      t.equal(clock.pending, 0);
    }
  });
});

t.test('a 426 says what to upgrade to', async (t) => {
  for (const [isLast, connection] of [
    [false, 'Upgrade'],
    [true, 'close\r\nConnection: Upgrade, close'],
  ] as const) {
    const { stream, received } = await open(GET);
    stream.sendHead(426, undefined, ['Upgrade', 'TLS/1.3', 'Content-Length', '0'], isLast);
    stream.end();
    await settle();
    t.match(
      received(),
      `\r\nUpgrade: TLS/1.3\r\nContent-Length: 0\r\nConnection: ${connection}\r\n`,
    );
  }
});

t.test('an absolute form names the host, whatever the field says', async (t) => {
  for (const [target, host] of [
    ['http://real.example:81/x', 'real.example:81'],
    ['HTTPS://real.example?q', 'real.example'],
    ['/http://real.example/', 'other.example'],
  ] as const) {
    const { stream } = await open(`GET ${target} HTTP/1.1\r\nHost: other.example\r\n\r\n`);
    t.equal(stream.host, host, target);
  }
});

t.test('a request without content that expects 100 Continue keeps its connection', async (t) => {
  for (const [fields, connection] of [
    ['Expect: 100-continue', 'keep-alive'],
    ['Expect: 100-continue\r\nConnection: close', 'close'],
  ] as const) {
    const { stream, received } = await open(`GET / HTTP/1.1\r\nHost: a\r\n${fields}\r\n\r\n`);
    stream.sendHead(200, undefined, ['Content-Length', '0'], false);
    stream.end();
    await settle();
    t.match(received(), `Connection: ${connection}\r\n`);
  }
});
