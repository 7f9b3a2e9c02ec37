import { createServer } from 'node:http';
import t from 'tap';
import type { Http1Stream } from '../../../src/inbound/http1/http1-stream.js';
import { takeIn } from '../../../src/inbound/http1/intake.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
import { connectTo } from '../../support/http1-pair.js';

/** Sends `text` to a server with an intake; the test responds to the streams that have started. */
async function open(text: string) {
  const streams: Http1Stream[] = [];
  const refused: [number, string][] = [];
  const clock = new FakeClock();
  const server = createServer({ requireHostHeader: false });
  takeIn(server, {
    clock,
    start: (stream) => void streams.push(stream),
    onRefused: (status, why) => void refused.push([status, why]),
    isClosing: () => false,
  });
  const pair = connectTo(server);
  pair.client.write(text);
  await settle();
  const started = () => streams.map(({ method, target }) => `${method} ${target}`);
  return { ...pair, clock, streams, refused, started };
}

type Opened = Awaited<ReturnType<typeof open>>;

async function respond({ streams }: Opened, index: number, isLast = false) {
  const stream = streams[index]!;
  let body = '';
  stream.body?.sendTo({ onData: (chunk) => void (body += chunk.toString()), onEnd() {} });
  await settle();
  stream.sendHead(200, undefined, ['Content-Length', '0'], isLast);
  stream.end();
  await settle();
  return body;
}

const statuses = ({ received }: Opened) =>
  [...received().matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => Number(match[1]));

const get = (path: string, fields = '') => `GET ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;
const H2C = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n';
const WEBSOCKET = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';

t.test('pipelined requests run one after another', async (t) => {
  const opened = await open(
    `POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\na${get('/2')}DELETE /3 HTTP/1.1\r\nHost: a\r\n\r\n`,
  );
  t.same(opened.started(), ['POST /1']);
  await respond(opened, 0);
  t.same(opened.started(), ['POST /1', 'GET /2']);
  await respond(opened, 1);
  t.same(opened.started(), ['POST /1', 'GET /2', 'DELETE /3']);
  await respond(opened, 2);
  t.same(statuses(opened), [200, 200, 200]);
});

t.test('a long row of pipelined requests is read no further, and none is lost', async (t) => {
  const count = 200;
  const opened = await open('');
  for (let i = 0; i < count; i++) opened.client.write(get(`/${i}`));
  await settle();
  for (let i = 0; i < count; i++) await respond(opened, i);
  t.equal(statuses(opened).length, count);
});

t.test('nothing runs after a response that closes the connection', async (t) => {
  for (const fields of ['', 'Connection: close\r\n']) {
    const opened = await open(get('/1', fields) + get('/2'));
    await respond(opened, 0, fields === '');
    t.same(opened.started(), ['GET /1']);
    t.same(statuses(opened), [200]);
    t.same(opened.refused, []);
  }
});

t.test('nothing runs after the client has left', async (t) => {
  const opened = await open(get('/1') + get('/2'));
  opened.client.destroy();
  await settle();
  t.same(opened.started(), ['GET /1']);
});

t.test('an offer of h2c is ignored', async (t) => {
  t.test('and the connection goes on', async (t) => {
    const opened = await open(
      `POST /1 HTTP/1.1\r\nHost: a\r\n${H2C}Content-Length: 5\r\n\r\nhello${get('/2', H2C)}${get('/3')}`,
    );
    t.equal(await respond(opened, 0), 'hello');
    await respond(opened, 1);
    await respond(opened, 2);
    t.same(opened.started(), ['POST /1', 'GET /2', 'GET /3']);
    t.same(opened.streams[0]!.fields, ['Host', 'a', 'Content-Length', '5']);
    t.same(
      opened.streams.map(({ upgrade }) => upgrade),
      [undefined, undefined, undefined],
    );
    t.same(statuses(opened), [200, 200, 200]);
    t.equal(opened.server.destroyed, false);
  });

  t.test('while a response before it is under way', async (t) => {
    const opened = await open(get('/1') + get('/2', H2C));
    t.same(opened.started(), ['GET /1']);
    await respond(opened, 0);
    await respond(opened, 1);
    t.same(statuses(opened), [200, 200]);
  });

  t.test('and what else Connection says stands', async (t) => {
    const opened = await open(get('/1', H2C.replace('Upgrade,', 'Upgrade, X-Mine, close,')));
    t.same(opened.streams[0]!.fields, ['Host', 'a', 'Connection', 'X-Mine, close']);
    await respond(opened, 0);
    t.match(opened.received(), /Connection: close/);
  });
});

t.test('an upgrade with content', async (t) => {
  const ask = `POST /u HTTP/1.1\r\nHost: a\r\n${WEBSOCKET}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n`;

  t.test('has its content read, and can be accepted', async (t) => {
    const opened = await open(ask);
    const stream = opened.streams[0]!;
    t.equal(stream.upgrade, 'websocket');
    let body = '';
    stream.body!.sendTo({ onData: (chunk) => void (body += chunk.toString()), onEnd() {} });
    await settle();
    t.equal(body, 'ab');
    const socket = stream.accept('', ['Upgrade', 'websocket']);
    let heard = '';
    socket.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    socket.resume();
    socket.write('to the client');
    opened.client.write('GET is no request here');
    await settle();
    t.match(opened.received(), /^HTTP\/1\.1 101 [^]*to the client$/);
    t.equal(heard, 'GET is no request here');
    t.same(opened.refused, []);
  });

  t.test('is an ordinary request where it is not accepted', async (t) => {
    const opened = await open(ask + get('/2'));
    await respond(opened, 0);
    await respond(opened, 1);
    t.same(statuses(opened), [200, 200]);
  });
});

const post = (path: string, fields: string, content = '') =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n${content}`;

async function send({ client }: Opened, text: string) {
  client.write(text);
  await settle();
}

t.test('an upgrade whose content comes in parts', async (t) => {
  const LENGTH = 'Content-Length: 4\r\n';
  const CHUNKED = 'Transfer-Encoding: chunked\r\n';

  t.test('is an ordinary request, again and again', async (t) => {
    const opened = await open(post('/1', H2C + LENGTH));
    await send(opened, `one.${post('/2', H2C + LENGTH, 'tw')}`);
    t.equal(await respond(opened, 0), 'one.');
    await send(opened, 'o.');
    t.equal(await respond(opened, 1), 'two.');
    await send(opened, post('/3', WEBSOCKET + CHUNKED, '2\r\nth'));
    await send(opened, '\r\n3\r\nree\r\n0\r\n\r\n');
    t.equal(await respond(opened, 2), 'three');
    await send(opened, get('/4', H2C) + get('/5', WEBSOCKET));
    await respond(opened, 3);
    await respond(opened, 4);
    await send(opened, get('/6'));
    await respond(opened, 5);
    t.same(opened.started(), ['POST /1', 'POST /2', 'POST /3', 'GET /4', 'GET /5', 'GET /6']);
    t.same(statuses(opened), [200, 200, 200, 200, 200, 200]);
    t.same(opened.streams[1]!.fields, ['Host', 'a', 'Content-Length', '4']);
    t.same(
      opened.streams.map(({ upgrade }) => upgrade),
      [undefined, undefined, 'websocket', undefined, 'websocket', undefined],
    );
    t.equal(opened.streams[5]!.peerAddress, '192.0.2.7');
  });

  t.test('has its turn after the request before it', async (t) => {
    const opened = await open(get('/1') + post('/2', H2C + LENGTH, 'ab'));
    await send(opened, 'cd');
    t.same(opened.started(), ['GET /1']);
    await respond(opened, 0);
    t.equal(await respond(opened, 1), 'abcd');
    t.same(statuses(opened), [200, 200]);
  });

  t.test('can be accepted', async (t) => {
    const opened = await open(post('/', WEBSOCKET + LENGTH, 'ab'));
    const stream = opened.streams[0]!;
    let body = '';
    stream.body!.sendTo({ onData: (chunk) => void (body += chunk.toString()), onEnd() {} });
    await send(opened, 'cd');
    t.equal(body, 'abcd');
    const socket = stream.accept('', ['Upgrade', 'websocket']);
    let heard = '';
    socket.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    socket.resume();
    await send(opened, 'GET is no request here');
    socket.write('to the client');
    await settle();
    t.equal(heard, 'GET is no request here');
    t.match(opened.received(), /^HTTP\/1\.1 101 [^]*to the client$/);
  });

  t.test('can be chunked and empty', async (t) => {
    const opened = await open(post('/1', WEBSOCKET + CHUNKED, '0\r\n\r\n'));
    let ends = 0;
    opened.streams[0]!.body!.sendTo({ onData() {}, onEnd: () => void (ends += 1) });
    await settle();
    t.equal(ends, 1);
    opened.streams[0]!.refuse(403);
    t.same(opened.refused, []);
  });

  t.test('keeps its trailers', async (t) => {
    const opened = await open(post('/1', H2C + CHUNKED, '1\r\n'));
    await send(opened, 'a\r\n0\r\nX: y\r\n\r\n');
    t.equal(await respond(opened, 0), 'a');
    t.same(opened.streams[0]!.body!.trailers, ['X', 'y']);
  });

  t.test('keeps its connection where the response comes first', async (t) => {
    const opened = await open(post('/1', WEBSOCKET + LENGTH, 'ab'));
    opened.streams[0]!.sendHead(200, undefined, ['Content-Length', '0'], false);
    opened.streams[0]!.end();
    await send(opened, `c`);
    await send(opened, `d${get('/2')}`);
    await respond(opened, 1);
    t.same(statuses(opened), [200, 200]);
    t.notMatch(opened.received(), /Connection: close/);
  });

  t.test('closes its connection where much is still to come', async (t) => {
    const opened = await open(post('/1', WEBSOCKET + 'Content-Length: 1000000\r\n', 'ab'));
    opened.streams[0]!.sendHead(200, undefined, ['Content-Length', '0'], false);
    opened.streams[0]!.end();
    await send(opened, 'more');
    t.match(opened.received(), /Connection: close/);
    t.same([opened.server.writableEnded, opened.server.destroyed], [true, false]);
    await opened.clock.advance(5000);
    t.equal(opened.server.destroyed, true);
  });

  t.test('never ends where it is malformed, and nothing after it is a request', async (t) => {
    for (const head of [post('/1', WEBSOCKET + CHUNKED), post('/1', H2C + CHUNKED)]) {
      for (const malformed of ['zz\r\n', '2\r\nabcd\r\n0\r\n\r\n']) {
        const opened = await open(head);
        let ends = 0;
        opened.streams[0]!.body!.sendTo({ onData() {}, onEnd: () => void (ends += 1) });
        await send(opened, malformed);
        await send(opened, get('/2'));
        t.equal(ends, 0);
        opened.streams[0]!.refuse(408);
        await send(opened, get('/3'));
        t.same(opened.started(), ['POST /1']);
        t.equal(opened.server.writableEnded, true);
      }
    }
  });

  t.test('is over when the client leaves', async (t) => {
    for (const sent of ['ab', 'abcd']) {
      const opened = await open(post('/1', WEBSOCKET + LENGTH));
      await send(opened, sent);
      opened.client.end();
      await settle();
      t.equal(opened.streams[0]!.isGone, true, sent);
    }
  });

  t.test('waits for 100 Continue, and for nothing else', async (t) => {
    const opened = await open(post('/1', `${H2C + LENGTH}Expect: 100-continue\r\n`));
    opened.streams[0]!.body!.sendTo({ onData() {}, onEnd() {} });
    await settle();
    t.match(opened.received(), /^HTTP\/1\.1 100 /);
    await send(opened, 'abcd');
    opened.streams[0]!.sendHead(200, undefined, ['Content-Length', '0'], false);
    opened.streams[0]!.end();
    await send(opened, get('/2'));
    await respond(opened, 1);
    t.same(statuses(opened), [100, 200, 200]);
    for (const fields of [H2C, WEBSOCKET, WEBSOCKET + LENGTH]) {
      const refused = await open(post('/', `${fields}Expect: miracles\r\n`));
      t.same(statuses(refused), [417], fields);
      t.same(refused.started(), []);
    }
  });

  t.test('is checked like any other request', async (t) => {
    const bad = await open(post('/', `${WEBSOCKET + LENGTH}Host: b\r\n`, 'ab'));
    t.same(statuses(bad), [400]);
    t.equal(bad.server.writableEnded, true);
    for (const fields of ['', LENGTH]) {
      const ask = `OPTIONS * HTTP/1.1\r\nHost: a\r\n${WEBSOCKET}${fields}\r\n`;
      const opened = await open(ask);
      t.same(opened.started(), []);
      t.match(opened.received(), /^HTTP\/1\.1 200 OK\r\nAllow: /);
    }
  });

  t.test('of HTTP/1.0 keeps its connection on demand only', async (t) => {
    for (const [connection, isKept] of [
      ['Upgrade', false],
      ['Upgrade, keep-alive', true],
    ] as const) {
      const opened = await open(
        `POST / HTTP/1.0\r\nConnection: ${connection}\r\nUpgrade: a\r\n${LENGTH}\r\nabcd`,
      );
      t.equal(opened.streams[0]!.upgrade, undefined);
      t.equal(await respond(opened, 0), 'abcd');
      t.equal(opened.server.destroyed, !isKept);
    }
  });
});

t.test('an upgrade without content that is not accepted keeps its connection', async (t) => {
  const opened = await open(get('/1', WEBSOCKET));
  t.equal(opened.streams[0]!.upgrade, 'websocket');
  await respond(opened, 0);
  opened.client.write(get('/2'));
  await settle();
  await respond(opened, 1);
  t.same(statuses(opened), [200, 200]);
  opened.client.end();
  await settle();
  t.equal(opened.server.destroyed, true);
});

t.test('an upgrade without content that is refused closes its connection', async (t) => {
  const opened = await open(get('/1', WEBSOCKET));
  opened.streams[0]!.refuse(408);
  await settle();
  t.match(opened.received(), /Connection: close/);
  t.equal(opened.server.writableEnded, true);
});

t.test('a refusal leaves a trace', async (t) => {
  const cases: readonly (readonly [string, number])[] = [
    ['GET / HTTP/1.1\r\n\r\n', 400],
    ['GET /a b HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['G@T / HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['\x16\x03\x01\x02\x00\x01\x00', 400],
    ['CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n', 405],
    [get('/', 'Expect: miracles\r\n'), 417],
    [get('/', `X: ${'a'.repeat(40_000)}\r\n`), 431],
    ['POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n', 501],
    ['GET / HTTP/2.0\r\nHost: a\r\n\r\n', 505],
    [`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`, 400],
  ];
  for (const [text, status] of cases) {
    const opened = await open(text);
    t.same(statuses(opened), [status], text);
    t.same(
      opened.refused.map(([each]) => each),
      [status],
    );
    t.not(opened.refused[0]![1], '');
  }
});

t.test('what becomes of a body after the response is no refusal', async (t) => {
  const head = 'POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n';
  const ways: Readonly<Record<string, (opened: Opened) => unknown>> = {
    'the client leaves': ({ client }) => client.end(),
    'it is malformed': ({ client }) => client.write('zz\r\n'),
  };
  for (const [what, go] of Object.entries(ways)) {
    const opened = await open(head);
    await respond(opened, 0);
    go(opened);
    await settle();
    t.same(statuses(opened), [200], what);
    t.same(opened.refused, [], what);
    t.equal(opened.server.writableEnded, true, what);
  }
});

t.test('an exchange that runs tells itself of a malformed body', async (t) => {
  const opened = await open('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  const [stream] = opened.streams;
  const told: string[] = [];
  stream!.listen({ onDrain() {}, onClose() {}, onMalformed: (why) => void told.push(why) });
  opened.client.write('zz\r\n');
  await settle();
  t.equal(told.length, 1);
  t.same(opened.refused, []);
  t.same(statuses(opened), []);
});

t.test('a refusal comes after the responses to the requests before it', async (t) => {
  for (const [bad, status] of [
    ['GET /a b HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['G@T / HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['\x16\x03\x01\x02\x00\x01\x00', 400],
    ['CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n', 405],
    [`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`, 400],
  ] as const) {
    const opened = await open(get('/1') + bad);
    t.same(statuses(opened), []);
    await respond(opened, 0);
    t.same(statuses(opened), [200, status], bad);
    t.same(opened.started(), ['GET /1']);
  }
});

t.test('a client can read its refusal while it sends, but not for ever', async (t) => {
  const opened = await open('GET /a b HTTP/1.1\r\nHost: a\r\n\r\n');
  t.same([opened.server.writableEnded, opened.server.destroyed], [true, false]);
  opened.client.write('more that is no HTTP');
  await settle();
  t.same(opened.refused.length, 1);
  await opened.clock.advance(5000);
  t.equal(opened.server.destroyed, true);
});

t.test('a body that proves malformed after the head of the response is reset', async (t) => {
  const opened = await open(
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n',
  );
  const stream = opened.streams[0]!;
  stream.body!.sendTo({ onData() {}, onEnd() {} });
  stream.sendHead(200, undefined, [], false);
  stream.flushHead();
  opened.client.write('zz\r\n');
  await settle();
  t.equal(opened.server.isReset, true);
});

t.test('any token is a method', async (t) => {
  t.test('more than once on a connection, and with content', async (t) => {
    const opened = await open('BAN /1 HTTP/1.1\r\nHost: a\r\n\r\n');
    await respond(opened, 0);
    opened.client.write('LIST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab');
    await settle();
    t.equal(await respond(opened, 1), 'ab');
    opened.client.write(get('/3'));
    await settle();
    await respond(opened, 2);
    t.same(opened.started(), ['BAN /1', 'LIST /2', 'GET /3']);
    t.same(statuses(opened), [200, 200, 200]);
    t.same(opened.refused, []);
    t.equal(opened.streams[0]!.peerAddress, '192.0.2.7');
    opened.client.end();
    await settle();
    t.equal(opened.server.destroyed, true);
  });

  t.test('whose broken response is reset', async (t) => {
    const opened = await open('BAN /1 HTTP/1.1\r\nHost: a\r\n\r\n');
    const stream = opened.streams[0]!;
    stream.sendHead(200, undefined, ['Content-Length', '9'], false);
    stream.write(Buffer.from('part'));
    stream.abort();
    t.equal(opened.server.isReset, true);
  });

  t.test('but not where it could be the end of one', async (t) => {
    const opened = await open('B');
    opened.client.write('OX / HTTP/1.1\r\nHost: a\r\n\r\n');
    await settle();
    t.same(opened.started(), []);
    t.same(statuses(opened), [400]);
  });

  t.test('that comes in two packets, of which the first shows that it is unknown', async (t) => {
    const text = 'LIST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab';
    for (let end = 3; end < text.length; end++) {
      const opened = await open(text.slice(0, end));
      t.same(opened.refused, [], `after ${end} bytes`);
      opened.client.write(text.slice(end));
      await settle();
      t.same(opened.started(), ['LIST /1'], `after ${end} bytes`);
      t.equal(await respond(opened, 0), 'ab');
      t.same(statuses(opened), [200]);
    }
  });

  t.test('but one that is not complete in time is refused', async (t) => {
    const opened = await open('LIS');
    await opened.clock.advance(60_000);
    t.same(statuses(opened), [408]);
    t.same(opened.refused, [[408, 'the method is not complete in time']]);
    const gone = await open('LIS');
    gone.client.destroy();
    await gone.clock.advance(60_000);
    t.same(gone.refused, []);
  });

  t.test('but what turns out to be no request is refused', async (t) => {
    for (const rest of ['T\r\n', 'T /a b HTTP/1.1\r\n', 'T'.repeat(300), '\x01']) {
      const opened = await open('LIS');
      opened.client.write(rest);
      await settle();
      t.same(statuses(opened), [400], rest);
      t.same(opened.started(), []);
      t.same(opened.refused.length, 1);
    }
  });

  t.test('behind requests that are under way, in their order', async (t) => {
    const ban = 'BAN /3 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\ncd';
    const chunked =
      'POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n';
    const opened = await open(`${get('/1')}${chunked}${ban}${get('/4')}`);
    opened.client.write(get('/5'));
    await settle();
    t.same(opened.started(), ['GET /1']);
    t.equal(await respond(opened, 0), '');
    t.equal(await respond(opened, 1), 'ab');
    t.equal(await respond(opened, 2), 'cd');
    await respond(opened, 3);
    await respond(opened, 4);
    const all = ['GET /1', 'POST /2', 'BAN /3', 'GET /4', 'GET /5'];
    t.same(opened.started(), all);
    t.same(statuses(opened), [200, 200, 200, 200, 200]);
    t.same(opened.refused, []);
  });

  t.test('also behind one of its kind, and when a packet begins with it', async (t) => {
    const opened = await open(
      'BAN /1 HTTP/1.1\r\nHost: a\r\n\r\nLIST /2 HTTP/1.1\r\nHost: a\r\n\r\n',
    );
    opened.client.write('LINT /3 HTTP/1.1\r\nHost: a\r\n\r\n');
    await settle();
    for (const index of [0, 1, 2]) await respond(opened, index);
    t.same(opened.started(), ['BAN /1', 'LIST /2', 'LINT /3']);
    t.same(statuses(opened), [200, 200, 200]);
  });

  t.test('but not behind a response that closes the connection', async (t) => {
    const opened = await open(`${get('/1')}BAN /2 HTTP/1.1\r\nHost: a\r\n\r\n`);
    await respond(opened, 0, true);
    t.same(opened.started(), ['GET /1']);
    t.same(statuses(opened), [200]);
  });

  t.test('but not where it could be the end of a body', async (t) => {
    const post = 'POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n\r\nGE';
    const opened = await open(`${post}TX /2 HTTP/1.1\r\nHost: a\r\n\r\n`);
    await respond(opened, 0);
    t.same(opened.started(), ['POST /1']);
    t.same(statuses(opened), [200, 400]);
    t.equal(opened.refused.length, 1);
  });
});
