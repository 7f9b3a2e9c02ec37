import { constants } from 'node:http2';
import t from 'tap';
import { eventually } from '../../support/sidecar.js';
import {
  block,
  codeOf,
  data,
  END_HEADERS,
  END_STREAM,
  frame,
  FrameClient,
  MAX_CONCURRENT_STREAMS,
  MAX_HEADER_LIST_SIZE,
  request,
  requestFields,
  settingOf,
} from '../../support/http2-frames.js';
import { startHttp2, type TestRequest } from '../../support/http2-listener.js';

const { NGHTTP2_PROTOCOL_ERROR } = constants;

const respond = ({ stream }: TestRequest) => {
  stream.sendHead(200, undefined, [], false);
  stream.end();
};

t.test('reads a head: fields in order, with repetitions, and one cookie', async (t) => {
  const { port, requests } = await startHttp2(t, respond);
  const client = new FrameClient(port);
  const extra = [
    ['x-a', '1'],
    ['cookie', 'a=b'],
    ['x-b', '\xe9'],
    ['cookie', 'c=d'],
    ['x-a', '2'],
  ] as const;
  client.send(request(1, { method: 'PATCH', extra, path: '/a?b=c' }));
  await client.until('HEADERS', 1);
  const { stream } = requests[0]!;
  t.match(stream, {
    method: 'PATCH',
    target: '/a?b=c',
    protocolVersion: '2.0',
    host: 'shop.example',
    peerAddress: '127.0.0.1',
    isSecure: false,
    body: undefined,
    upgrade: undefined,
  });
  t.same(stream.fields, ['x-a', '1', 'cookie', 'a=b; c=d', 'x-b', '\xe9', 'x-a', '2']);
  client.socket.destroy();
});

t.test('takes the host field where there is no :authority', async (t) => {
  const { port, requests } = await startHttp2(t, respond);
  const client = new FrameClient(port);
  const fields = [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/'],
    ['host', 'a.example'],
  ] as const;
  client.send(frame('HEADERS', 1, END_STREAM | END_HEADERS, block(fields)));
  await client.until('HEADERS', 1);
  t.equal(requests[0]!.stream.host, 'a.example');
  client.socket.destroy();
});

t.test('says how much it takes', async (t) => {
  const { port } = await startHttp2(t, respond, { maxHeaderSize: 5000 });
  const client = new FrameClient(port);
  const settings = await client.untilSettled();
  t.equal(settingOf(settings, MAX_CONCURRENT_STREAMS), 100);
  t.equal(settingOf(settings, MAX_HEADER_LIST_SIZE), 5000);
  client.socket.destroy();
});

const get = (fields: Parameters<typeof block>[0]) =>
  frame('HEADERS', 1, END_STREAM | END_HEADERS, block(fields));

/** What the program itself refuses, with the status. */
const refused: Readonly<Record<string, readonly [bytes: Buffer, status: number]>> = {
  CONNECT: [
    get([
      [':method', 'CONNECT'],
      [':authority', 'a:443'],
    ]),
    405,
  ],
  'a fragment': [request(1, { path: '/a#b' }), 400],
  'another host': [request(1, { extra: [['host', 'other.example']] }), 400],
  'a malformed authority': [
    get([
      [':method', 'GET'],
      [':scheme', 'http'],
      [':path', '/'],
      [':authority', 'shop:port'],
    ]),
    400,
  ],
  'a path without a slash': [
    get([
      [':method', 'GET'],
      [':scheme', 'other'],
      [':path', 'a'],
      [':authority', 'shop'],
    ]),
    400,
  ],
};

for (const [what, [bytes, status]] of Object.entries(refused)) {
  t.test(`refuses ${what} with ${status}`, async (t) => {
    const listener = await startHttp2(t);
    const client = new FrameClient(listener.port);
    client.send(bytes);
    await client.until('HEADERS', 1);
    t.same(listener.refused, [status]);
    t.equal(listener.requests.length, 0);
    client.socket.destroy();
  });
}

/** What the library refuses. */
const reset: Readonly<Record<string, Buffer>> = {
  'no path': get([
    [':method', 'GET'],
    [':scheme', 'http'],
    [':authority', 'shop'],
  ]),
  'two hosts': request(1, {
    extra: [
      ['host', 'shop.example'],
      ['host', 'shop.example'],
    ],
  }),
  'no host': get([
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/'],
  ]),
  'a connection field': request(1, { extra: [['connection', 'close']] }),
  'a transfer coding': request(1, { extra: [['transfer-encoding', 'chunked']] }),
  'a te other than trailers': request(1, { extra: [['te', 'gzip']] }),
  'a capital letter': request(1, { extra: [['X-A', '1']] }),
  'an extended CONNECT': get([[':protocol', 'websocket'], ...requestFields('CONNECT')]),
};

for (const [what, bytes] of Object.entries(reset)) {
  t.test(`resets a head with ${what}, counts it, and serves the next one`, async (t) => {
    const listener = await startHttp2(t, respond);
    const client = new FrameClient(listener.port);
    client.send(bytes);
    t.equal(codeOf(await client.until('RST_STREAM', 1)), NGHTTP2_PROTOCOL_ERROR);
    client.send(request(3));
    await client.until('HEADERS', 3);
    await eventually('it is counted', () => listener.refused.length === 1);
    t.same(listener.refused, [400]);
    t.equal(listener.requests.length, 1);
    client.socket.destroy();
  });
}

t.test('no authority with user information gets through', async (t) => {
  const listener = await startHttp2(t, respond);
  const client = new FrameClient(listener.port);
  const fields = [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/'],
    [':authority', 'user@shop'],
  ] as const;
  client.send(get(fields));
  // Newer versions of the library reset it, older ones leave it to us.
  await eventually('it is counted', () => listener.refused.length === 1);
  await eventually('its refusal is here', () => client.of(1).length === 1);
  t.equal(listener.requests.length, 0);
  client.socket.destroy();
});

t.test('resets a head over maxHeaderSize, counts it, and serves the next one', async (t) => {
  const listener = await startHttp2(t, respond, { maxHeaderSize: 2000 });
  const client = new FrameClient(listener.port);
  await client.untilSettled();
  client.send(request(1, { extra: [['x-long', 'a'.repeat(2000)]] }), request(3));
  const { NGHTTP2_ENHANCE_YOUR_CALM } = constants;
  t.equal(codeOf(await client.until('RST_STREAM', 1)), NGHTTP2_ENHANCE_YOUR_CALM);
  await client.until('HEADERS', 3);
  await eventually('it is counted', () => listener.refused.length === 1);
  t.equal(listener.requests.length, 1);
  client.socket.destroy();
});

const long = (id: number, length: number) =>
  request(id, { extra: [['x-long', 'a'.repeat(length)]] });

t.test(
  'refuses a head over maxHeaderSize that comes before the client knows the limit',
  async (t) => {
    const ofRequest = requestFields().map(([name, value]) => name.length + value.length + 32);
    const ofField = 'x-long'.length + 32;
    const room = 2000 - ofField - ofRequest.reduce((sum, each) => sum + each, 0);
    const listener = await startHttp2(t, respond, { maxHeaderSize: 2000 });
    const client = new FrameClient(listener.port, { acknowledges: false });
    client.send(long(1, room + 1), long(3, room));
    await client.until('HEADERS', 1);
    await client.until('HEADERS', 3);
    t.same(listener.refused, [431]);
    t.equal(listener.requests.length, 1);
    client.socket.destroy();
  },
);

t.test('takes as many fields as maxHeaderSize has room for', async (t) => {
  const listener = await startHttp2(t, respond);
  const client = new FrameClient(listener.port);
  await client.untilSettled();
  const extra = Array.from({ length: 500 }, (_, i) => [`x-${i}`, 'a'] as const);
  client.send(request(1, { extra }));
  await client.until('HEADERS', 1);
  t.equal(listener.requests[0]!.stream.fields.length, 1000);
  client.socket.destroy();
});

t.test('a body that came with its head is here as a whole', async (t) => {
  const seen: unknown[] = [];
  const { port } = await startHttp2(t, (it) => {
    const body = it.stream.body!;
    seen.push(body.isHere, body.length, body.takeWhole().toString());
    respond(it);
  });
  const client = new FrameClient(port);
  client.send(request(1, { method: 'POST', flags: 0 }), data(1, 'wh'), data(1, 'ole', END_STREAM));
  await client.until('HEADERS', 1);
  t.same(seen, [true, undefined, 'whole']);
  await client.roundTrip();
  t.equal(client.shape(1), 'HEADERS:5', 'the stream is over');
  client.socket.destroy();
});

t.test('a body with trailers is not taken as a whole, and its trailers are read', async (t) => {
  const { port, requests } = await startHttp2(t, (it) => {
    t.equal(it.stream.body!.isHere, false);
    it.read();
  });
  const client = new FrameClient(port);
  client.send(
    request(1, { method: 'POST', flags: 0 }),
    data(1, 'body'),
    frame('HEADERS', 1, END_STREAM | END_HEADERS, block([['x-sum', '1']])),
  );
  await eventually('it has ended', () => requests[0]?.hasBody === true);
  t.equal(requests[0]!.body, 'body');
  t.same(requests[0]!.stream.body!.trailers, ['x-sum', '1']);
  client.socket.destroy();
});

t.test('the window of a body grows only as it is read', async (t) => {
  const { port, requests } = await startHttp2(t);
  const client = new FrameClient(port);
  client.send(request(1, { method: 'POST', flags: 0 }));
  for (let i = 0; i < 4; i++) client.send(data(1, Buffer.alloc(16_000)));
  await client.roundTrip();
  await eventually('it is here', () => requests.length === 1);
  await client.roundTrip();
  t.notMatch(client.shape(1), /WINDOW_UPDATE/);
  requests[0]!.read();
  await client.until('WINDOW_UPDATE', 1);
  t.equal(requests[0]!.body.length, 64_000);
  const { body } = requests[0]!.stream;
  body!.pause();
  t.equal(body!.isPaused, true);
  const leftOfWindow = () =>
    client
      .of(1)
      .filter(({ type }) => type === 'WINDOW_UPDATE')
      .reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 65_535 - sent);
  let sent = 64_000;
  while (leftOfWindow() >= 16_000 && sent < 1_000_000) {
    client.send(data(1, Buffer.alloc(16_000)));
    sent += 16_000;
    await client.roundTrip();
  }
  // A window, and what Node reads ahead: 64 KiB at most, less before version 22.
  t.ok(sent <= 64_000 + 65_535 + 80_000, `${sent}`);
  t.equal(requests[0]!.body.length, 64_000);
  body!.resume();
  await eventually('it goes on', () => requests[0]!.body.length === sent);
  client.socket.destroy();
});

t.test('a body that is not read holds up no other stream', async (t) => {
  const { port, requests } = await startHttp2(t);
  const client = new FrameClient(port);
  client.send(request(1, { method: 'POST', flags: 0 }), request(3, { method: 'POST', flags: 0 }));
  for (let i = 0; i < 4; i++) client.send(data(1, Buffer.alloc(16_000)));
  await eventually('both are here', () => requests.length === 2);
  await client.until('WINDOW_UPDATE', 0);
  requests[1]!.read();
  client.send(data(3, Buffer.alloc(16_000), END_STREAM));
  await eventually('the other has its body', () => requests[1]!.hasBody);
  client.socket.destroy();
});

t.test(
  'tells a client that keeps back its body when it may send it, and nothing to gRPC',
  async (t) => {
    const { port, requests } = await startHttp2(t);
    const client = new FrameClient(port);
    const expect = ['expect', '100-continue'] as const;
    client.send(
      request(1, { method: 'POST', flags: 0, extra: [expect] }),
      request(3, {
        method: 'POST',
        flags: 0,
        extra: [expect, ['content-type', 'application/grpc+proto']],
      }),
    );
    await eventually('both are here', () => requests.length === 2);
    await client.roundTrip();
    t.equal(client.shape(1), '', 'not before the body is wanted');
    for (const each of requests) each.read();
    await client.until('HEADERS', 1);
    await client.roundTrip();
    t.equal(client.shape(1), 'HEADERS:4');
    t.equal(client.shape(3), '');
    t.equal(requests[1]!.stream.canSendInformational, false);
    requests[0]!.stream.sendInformational(103, '', ['Link', '</a>', 'Connection', 'close']);
    await client.until('HEADERS', 1, 2);
    client.socket.destroy();
  },
);

t.test('a head that HTTP/2 cannot express is an error before anything is sent', async (t) => {
  const { port, requests } = await startHttp2(t);
  const client = new FrameClient(port);
  client.send(request(1));
  await eventually('it is here', () => requests.length === 1);
  const { stream } = requests[0]!;
  t.throws(() => stream.sendHead(200, undefined, ['x-a', 'a\0x-b\0c'], false), /x-a is malformed/);
  t.throws(() => stream.sendHead(200, undefined, ['x a', 'b'], false), /is malformed/);
  t.throws(() => stream.sendHead(999, undefined, [], false), /no status 999/);
  stream.sendHead(
    200,
    undefined,
    ['Age', '1', 'Age', '2', 'Connection', 'x', 'Upgrade', 'y'],
    false,
  );
  stream.end(undefined, ['x-sum', '1', 'x-bad', 'a\0b']);
  await client.until('HEADERS', 1, 2);
  t.equal(client.shape(1), 'HEADERS:4 HEADERS:5');
  client.socket.destroy();
});

t.test('a client that reads slowly stops the writer, and drains it', async (t) => {
  const { port, requests } = await startHttp2(t);
  const client = new FrameClient(port);
  client.send(request(1));
  await eventually('it is here', () => requests.length === 1);
  const { stream } = requests[0]!;
  let released = 0;
  let written = 0;
  stream.sendHead(200, undefined, [], false);
  do written += 1;
  while (stream.write(Buffer.alloc(16_384), () => (released += 1)));
  t.ok(written < 10);
  await client.roundTrip();
  client.send(frame('WINDOW_UPDATE', 0, 0, Buffer.from([0, 1, 0, 0])));
  client.send(frame('WINDOW_UPDATE', 1, 0, Buffer.from([0, 1, 0, 0])));
  await eventually('it is drained', () => requests[0]!.drains === 1);
  await eventually('what was sent is released', () => released === written);
  client.socket.destroy();
});
