import { constants } from 'node:http2';
import t from 'tap';
import { FakeClock } from '../../support/fake-clock.js';
import { eventually } from '../../support/sidecar.js';
import {
  block,
  codeOf,
  data,
  END_HEADERS,
  END_STREAM,
  frame,
  FrameClient,
  ping,
  request,
  requestFields,
  reset,
  settings,
  windowUpdate,
} from '../../support/http2-frames.js';
import { startHttp2, type TestRequest } from '../../support/http2-listener.js';

const { NGHTTP2_CANCEL, NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } =
  constants;

const respond = ({ stream }: TestRequest) => {
  stream.sendHead(200, undefined, [], false);
  stream.end();
};

const piece = (i: number) => frame('CONTINUATION', 1, 0, block([[`x-${i}`, '1']]));

const lastStreamOf = (payload: Buffer) => payload.readUInt32BE(0);

t.test('drains with GOAWAY: serves what has come, then closes', async (t) => {
  const { port, side, requests } = await startHttp2(t);
  const client = new FrameClient(port);
  client.send(request(1), request(3));
  await eventually('both are here', () => requests.length === 2);
  side.drain();
  const goaway = await client.until('GOAWAY', 0);
  t.equal(codeOf(goaway), NGHTTP2_NO_ERROR);
  t.equal(lastStreamOf(goaway.payload), 3, 'so that what comes later is sent elsewhere');
  client.send(request(5));
  respond(requests[0]!);
  await client.until('HEADERS', 1);
  t.equal(client.isClosed, false);
  respond(requests[1]!);
  await client.until('HEADERS', 3);
  await client.untilClosed();
  t.equal(requests.length, 2);
  t.equal(client.shape(5), '');
});

t.test(
  'closes an idle connection after keepAlive with GOAWAY, but none that is in use',
  async (t) => {
    const { port, requests } = await startHttp2(t, () => {}, { keepAlive: 100 });
    const client = new FrameClient(port);
    client.send(request(1));
    await eventually('it is here', () => requests.length === 1);
    await new Promise((resolve) => void setTimeout(resolve, 300));
    t.equal(client.shape(0), '');
    respond(requests[0]!);
    t.equal(codeOf(await client.until('GOAWAY', 0)), NGHTTP2_NO_ERROR);
    await client.untilClosed();
  },
);

t.test(
  'a client that is silent during a call is sent a PING, and lost without a response',
  async (t) => {
    const clock = new FakeClock();
    const { port, requests, closed } = await startHttp2(t, () => {}, {}, clock);
    const client = new FrameClient(port);
    client.send(request(1));
    await eventually('it is here', () => requests.length === 1);
    await clock.advance(59_000);
    await client.roundTrip();
    t.equal(client.shape(0), 'PING:1', 'no PING of the server');
    await clock.advance(62_000);
    const { payload } = await client.until('PING', 0, 2);
    client.send(frame('PING', 0, 1, payload));
    await client.roundTrip();
    await clock.advance(59_000);
    await client.roundTrip();
    t.equal(requests[0]!.closes, 0, 'it has responded');
    await clock.advance(62_000);
    await client.until('PING', 0, 5);
    await clock.advance(17_000);
    t.equal(requests[0]!.closes, 0);
    await clock.advance(5000);
    await client.untilClosed();
    await eventually('its call is over', () => requests[0]!.closes === 1);
    t.same(closed, []);
  },
);

t.test('closes the connection when more streams are open than the settings allow', async (t) => {
  const { port, requests, closed } = await startHttp2(t);
  const client = new FrameClient(port);
  await client.untilSettled();
  for (let i = 0; i < 100; i++) client.send(request(1 + 2 * i));
  await eventually('all are taken', () => requests.length === 100);
  t.same(closed, []);
  client.send(request(201));
  await client.untilClosed();
  t.same(closed, ['too-many-streams']);
  await eventually('all have left', () => requests.every(({ closes }) => closes === 1));
});

t.test('never refuses a client that keeps to the settings', async (t) => {
  const { port } = await startHttp2(t, (it) => void setImmediate(() => respond(it)));
  const client = new FrameClient(port);
  await client.untilSettled();
  let next = 1;
  const open = () => {
    if (next < 4000) client.send(request(next));
    next += 2;
  };
  let ended = 0;
  client.socket.on('data', () => {
    const all = client.frames.filter(({ type, streamId }) => type === 'HEADERS' && streamId > 0);
    // One more for each that has ended, at once.
    for (; ended < all.length; ended++) open();
  });
  for (let i = 0; i < 100; i++) open();
  await eventually('all are served', () => ended === 2000);
  t.notOk(client.frames.some(({ type }) => type === 'RST_STREAM' || type === 'GOAWAY'));
  client.socket.destroy();
});

t.test('closes the connection of a client that resets stream after stream', async (t) => {
  const { port, closed } = await startHttp2(t);
  const client = new FrameClient(port);
  for (let i = 0; i < 500; i++) client.send(request(1 + 2 * i), reset(1 + 2 * i, NGHTTP2_CANCEL));
  await client.roundTrip();
  t.same(closed, []);
  for (let i = 500; i < 520; i++) client.send(request(1 + 2 * i), reset(1 + 2 * i, NGHTTP2_CANCEL));
  const goaway = await client.until('GOAWAY', 0);
  t.equal(codeOf(goaway), NGHTTP2_NO_ERROR, 'as its deadlines may be over');
  await client.untilClosed();
  t.same(closed, ['too-many-resets']);
});

t.test('closes the connection of a client that sends a head in many pieces', async (t) => {
  const { port, requests, closed } = await startHttp2(t);
  const client = new FrameClient(port);
  client.send(
    frame('HEADERS', 1, END_STREAM, block(requestFields())),
    ...Array.from({ length: 9 }, (_, i) => piece(i)),
  );
  await client.untilClosed();
  t.same(closed, ['too-many-continuations']);
  t.equal(requests.length, 0);
});

t.test('takes streams whose numbers are far apart', async (t) => {
  const { port, requests, closed, refused } = await startHttp2(t, respond);
  const client = new FrameClient(port);
  await client.untilSettled();
  // The largest number there is: one look at the connection must not go through all that were left out.
  for (const id of [2 ** 20 + 1, 2 ** 31 - 1]) {
    client.send(request(id));
    await client.until('HEADERS', id);
  }
  // Longer than until the next look.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  await client.roundTrip();
  t.equal(requests.length, 2);
  t.same(closed, []);
  t.ok(refused.length < 50, `${refused.length} counted as refused`);
  client.socket.destroy();
});

for (const [what, bytes, code] of [
  ['malformed', () => request(1, { extra: [['X-A', '1']] }), 1],
  [
    'too large',
    () => request(1, { extra: [['x-a', 'a'.repeat(1000)]] }),
    NGHTTP2_ENHANCE_YOUR_CALM,
  ],
] as const) {
  t.test(
    `closes the connection of a client whose heads are ${what}, one after another`,
    async (t) => {
      const { port, closed, refused } = await startHttp2(t, respond, { maxHeaderSize: 1000 });
      const client = new FrameClient(port);
      await client.untilSettled();
      const head = bytes();
      for (let id = 1; id <= 2 * 105; id += 2) {
        head.writeUInt32BE(id, 5);
        client.send(head);
        // No more than the settings allow at a time.
        if (id % 100 === 99) await client.roundTrip();
      }
      t.equal(codeOf(await client.until('RST_STREAM', 1)), code);
      await client.untilClosed();
      t.same(closed, ['too-many-refused-heads']);
      if (what === 'too large') t.ok(refused.length >= 100);
    },
  );
}

t.test(
  'closes the connection of a client that sends PING after PING without a request',
  async (t) => {
    const { port, closed } = await startHttp2(t, respond);
    const client = new FrameClient(port);
    for (let i = 0; i < 20; i++) {
      client.send(request(1 + 2 * i), ...Array.from({ length: 150 }, ping));
      await client.roundTrip();
    }
    t.same(closed, [], 'those between requests are acknowledged');
    client.send(...Array.from({ length: 250 }, ping));
    t.equal(codeOf(await client.until('GOAWAY', 0)), NGHTTP2_ENHANCE_YOUR_CALM);
    await client.untilClosed();
    t.same(closed, ['too-many-pings']);
  },
);

t.test('closes the connection of a client that sends SETTINGS after SETTINGS', async (t) => {
  const { port, closed } = await startHttp2(t, respond);
  const client = new FrameClient(port);
  client.send(...Array.from({ length: 60 }, () => settings()));
  await client.untilClosed();
  t.same(closed, ['too-many-settings']);
});

t.test(
  'closes the connection of a client that sends empty DATA frame after empty DATA frame',
  async (t) => {
    const { port, requests, closed } = await startHttp2(t);
    const client = new FrameClient(port);
    client.send(request(1, { method: 'POST', flags: 0 }));
    await eventually('it is here', () => requests.length === 1);
    client.send(...Array.from({ length: 900 }, () => data(1, '')));
    await client.roundTrip();
    t.same(closed, []);
    for (let i = 0; i < 10; i++) client.send(...Array.from({ length: 1000 }, () => data(1, '')));
    await client.untilClosed();
    // From version 22 on, Node counts them itself.
    t.match(closed.join(), /^(too-many-refused-heads|protocol-error)$/);
  },
);

t.test('floods that cost next to nothing do not hold up a request', async (t) => {
  const priority = frame('PRIORITY', 1, 0, Buffer.from([0, 0, 0, 0, 1]));
  for (const [what, flood] of Object.entries({ window: windowUpdate(0, 1), priority })) {
    const { port, closed } = await startHttp2(t, respond);
    const client = new FrameClient(port);
    const other = new FrameClient(port);
    client.send(...Array.from({ length: 20_000 }, () => flood));
    other.send(request(1));
    await other.until('HEADERS', 1);
    // From version 22 on, Node closes the connection for the latter.
    if (what === 'window') await client.roundTrip();
    t.ok(what === 'priority' || closed.length === 0);
    client.socket.destroy();
    other.socket.destroy();
  }
});

t.test('closes the connection at an error of the protocol', async (t) => {
  const { port, closed } = await startHttp2(t, respond);
  const client = new FrameClient(port);
  client.send(windowUpdate(0, 0));
  await client.untilClosed();
  t.same(closed, ['protocol-error']);
});

t.test('a head cut into two frames is one request', async (t) => {
  const { port, requests } = await startHttp2(t, respond);
  const client = new FrameClient(port);
  const whole = block(requestFields());
  client.send(
    frame('HEADERS', 1, END_STREAM, whole.subarray(0, 20)),
    frame('CONTINUATION', 1, END_HEADERS, whole.subarray(20)),
  );
  await client.until('HEADERS', 1);
  t.equal(requests.length, 1);
  client.socket.destroy();
});

t.test('what ends in the packet in which it begins does no harm', async (t) => {
  const { port, closed } = await startHttp2(t, respond);
  const goaway = frame('GOAWAY', 0, 0, Buffer.from([0, 0, 0, 0, 0, 0, 0, NGHTTP2_INTERNAL_ERROR]));
  const ends: Record<string, readonly Buffer[]> = {
    'a stream that is reset': [request(1), reset(1, NGHTTP2_CANCEL), goaway],
    'an error of the protocol': [request(1), windowUpdate(0, 0)],
    'GOAWAY with an error before a request with a body': [
      goaway,
      request(1, { method: 'POST', flags: 0 }),
      data(1, 'hello'),
    ],
  };
  for (const [how, frames] of Object.entries(ends)) {
    const client = new FrameClient(port, { first: Buffer.concat([settings(), ...frames]) });
    await client.untilClosed();
    t.equal(client.of(1).length, 0, how);
  }
  t.same(closed, ['protocol-error']);
});
