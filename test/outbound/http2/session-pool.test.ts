/** Sessions to one endpoint: how many, for how long, and what happens to their streams. */
import { createServer as createHttp1 } from 'node:http';
import { createServer as createHttp2, type Http2Server } from 'node:http2';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import t from 'tap';
import { ClientClosed, ConnectTimeout, type ClientOptions } from '../../../src/outbound/client.js';
import { SessionPool } from '../../../src/outbound/http2/session-pool.js';
import { createSystemClock } from '../../../src/platform/system-clock.js';
import { FakeClock } from '../../support/fake-clock.js';
import { FakeCursor, sendBy, wholeBody } from '../../support/outbound.js';
import { poolContext, poolOptions } from '../../support/pool-options.js';
import {
  Code,
  Flag,
  Type,
  encodeFields,
  encodeFrame,
  dataFrame,
  goawayFrame,
  headersFrame,
  rstFrame,
  settingsFrame,
  startRawHttp2,
  uint32,
  type RawHttp2Options,
  type RawPeer,
} from '../../support/raw-http2.js';
import { eventually, NO_PORT, type Teardown } from '../../support/sidecar.js';

const OK = { ':status': '200' };
const respond = (stream: number, peer: RawPeer) =>
  peer.send(headersFrame(stream, OK, Flag.endStream));

interface Open extends RawHttp2Options, Partial<Pick<ClientOptions, 'maxAgeMs'>> {}

/** A pool with a clock of its own, and an upstream. */
async function open(t: Teardown, { maxAgeMs = 'off', ...options }: Open = {}) {
  const upstream = await startRawHttp2(t, options);
  const clock = new FakeClock();
  const pool = new SessionPool({ ...poolOptions(upstream.port), maxAgeMs }, poolContext(clock));
  t.teardown(() => pool.destroy());
  return { pool, upstream, clock, peers: upstream.peers };
}

/** An upstream that says nothing. */
const silent: RawHttp2Options = { first: Buffer.alloc(0), onFrame: () => true };

/** An upstream that responds to each request at once. */
const responding: RawHttp2Options = {
  onFrame({ type, stream }, peer) {
    if (type === Type.headers) respond(stream, peer);
  },
};

async function listen(t: Teardown, server: Server | Http2Server): Promise<number> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => void server.close());
  return (server.address() as AddressInfo).port;
}

t.test('requests share a connection until its streams are used up', async (t) => {
  const { pool, peers } = await open(t, { first: settingsFrame(2) });
  const first = [sendBy(pool), sendBy(pool), sendBy(pool), sendBy(pool), sendBy(pool)];
  await eventually('all have begun', () => first.every(({ dispatched }) => dispatched));
  t.same(
    peers.map((peer) => peer.of(Type.headers).length),
    [2, 2, 1],
    'none has more than it allows',
  );
  respond(1, peers[0]!);
  await first[0]!.ended;
  const next = sendBy(pool);
  await eventually('it has begun', () => next.dispatched !== undefined);
  await eventually('it has come', () => {
    const requests = peers.map((peer) => peer.of(Type.headers).length);
    return requests.reduce((sum, count) => sum + count) === 6;
  });
  t.equal(peers.length, 3, 'there was room');
});

t.test('a burst before the first SETTINGS sends no stream too many', async (t) => {
  const { pool, peers } = await open(t, silent);
  const sent = Array.from({ length: 30 }, () => sendBy(pool));
  await eventually(
    'there is a connection',
    () => peers.length === 1 && peers[0]!.of(Type.settings).length > 0,
  );
  t.ok(sent.every(({ dispatched }) => dispatched === undefined));
  peers[0]!.send(settingsFrame(10));
  await eventually('others are open', () => peers.length === 3);
  for (const peer of peers.slice(1)) peer.send(settingsFrame(10));
  await eventually('all have begun', () => sent.every(({ dispatched }) => dispatched));
  await eventually('all have come', () =>
    peers.every((peer) => peer.of(Type.headers).length === 10),
  );
});

t.test('a limit that changes later is kept to', async (t) => {
  const { pool, peers } = await open(t, { first: settingsFrame(1) });
  const first = sendBy(pool);
  await eventually('it has begun', () => first.dispatched !== undefined);
  peers[0]!.send(settingsFrame(3));
  await eventually('it is acknowledged', () => peers[0]!.of(Type.settings).length >= 3);
  const more = [sendBy(pool), sendBy(pool)];
  await eventually('they have begun', () => more.every(({ dispatched }) => dispatched));
  t.equal(peers.length, 1);
  peers[0]!.send(settingsFrame(1));
  await eventually('it is acknowledged', () => peers[0]!.of(Type.settings).length >= 4);
  sendBy(pool);
  await eventually('it has a connection of its own', () => peers.length === 2);
});

t.test('a connection that allows no stream is not open yet', async (t) => {
  const { pool, peers, clock } = await open(t, { first: settingsFrame(0) });
  const sent = sendBy(pool);
  await eventually('there is a connection', () => peers[0]?.of(Type.settings).length === 2);
  await clock.advance(5000);
  t.equal(await sent.ended, 'failure');
  t.ok(sent.error instanceof ConnectTimeout);
  t.match(sent.progress, { isConnected: false, sent: 'none' });
});

t.test(
  'streams above the last id of a GOAWAY are unsent, the others finish, and new ones go elsewhere',
  async (t) => {
    const { pool, peers } = await open(t);
    const sent = [sendBy(pool), sendBy(pool), sendBy(pool)];
    await eventually('all have come', () => peers[0]?.of(Type.headers).length === 3);
    const [peer] = peers;
    // As servers do it: a warning, then the last id.
    peer!.send(goawayFrame(2 ** 31 - 1, Code.noError));
    peer!.send(goawayFrame(3, Code.noError));
    t.equal(await sent[2]!.ended, 'failure');
    t.match(sent[2]!.progress, { isConnected: true, sent: 'none', hasResponseBegun: false });
    t.match(sent[2]!.error?.message, /GOAWAY/);
    const next = sendBy(pool);
    await eventually(
      'it has a connection of its own',
      () => peers[1]?.of(Type.headers).length === 1,
    );
    t.equal(peer!.of(Type.headers).length, 3);
    respond(1, peer!);
    respond(3, peer!);
    t.equal(await sent[0]!.ended, 'end');
    t.equal(await sent[1]!.ended, 'end');
    respond(1, peers[1]!);
    t.equal(await next.ended, 'end');
  },
);

t.test('an idle connection is used again, and closes after 4 s', async (t) => {
  const { pool, peers, clock } = await open(t, responding);
  await sendBy(pool).ended;
  await clock.advance(3000);
  await sendBy(pool).ended;
  t.equal(peers.length, 1);
  await clock.advance(5000);
  await eventually('it is closed', () => peers[0]!.isClosed);
  t.ok(peers[0]!.of(Type.goaway).length > 0, 'the upstream is told');
  await eventually('nothing is left', () => clock.pending === 0);
  await sendBy(pool).ended;
  t.equal(peers.length, 2);
});

t.test('an upstream that does not close its side keeps no connection open', async (t) => {
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.write(settingsFrame());
    socket.once('data', () => socket.write(encodeFrame(Type.settings, Flag.ack, 0)));
    socket.resume();
  });
  const port = await listen(t, server);
  const clock = new FakeClock();
  const pool = new SessionPool(poolOptions(port), poolContext(clock));
  const sent = sendBy(pool);
  await eventually('it has begun', () => sent.dispatched !== undefined);
  sent.giveUp();
  pool.release();
  await eventually('its side is closed', () => sockets[0]!.readableEnded);
  await clock.advance(1000);
  await eventually('the connection is gone', () => {
    if (!sockets[0]!.destroyed) sockets[0]!.write(settingsFrame());
    return sockets[0]!.destroyed;
  });
});

t.test('a connection with a stream is not idle', async (t) => {
  const { pool, peers, clock } = await open(t);
  const sent = sendBy(pool);
  await eventually('it has come', () => peers[0]?.of(Type.headers).length === 1);
  await clock.advance(60_000);
  respond(1, peers[0]!);
  t.equal(await sent.ended, 'end');
});

t.test(
  'a connection older than maxAge takes no further stream, and finishes those that it has',
  async (t) => {
    const { pool, peers, clock } = await open(t, { maxAgeMs: 10_000 });
    const old = sendBy(pool);
    await eventually('it has come', () => peers[0]?.of(Type.headers).length === 1);
    await clock.advance(9000);
    sendBy(pool);
    await eventually('it has come', () => peers[0]!.of(Type.headers).length === 2);
    await clock.advance(1000);
    sendBy(pool);
    await eventually('it has come elsewhere', () => peers[1]?.of(Type.headers).length === 1);
    respond(1, peers[0]!);
    t.equal(await old.ended, 'end');
    respond(3, peers[0]!);
    await eventually('it is closed', () => peers[0]!.isClosed);
  },
);

t.test('a request on a connection that was idle and closes under it is stale', async (t) => {
  const { pool, peers } = await open(t, {
    onFrame({ type, stream }, peer) {
      if (type !== Type.headers) return;
      if (stream === 1) respond(stream, peer);
      else peer.socket.resetAndDestroy();
    },
  });
  await sendBy(pool).ended;
  const sent = [sendBy(pool), sendBy(pool)];
  for (const each of sent) {
    t.equal(await each.ended, 'failure');
    t.match(each.progress, { sent: 'some', isReused: true, hasResponseBegun: false });
  }
  t.equal(peers.length, 1);
});

t.test('a request on a connection that was at work and breaks is not stale', async (t) => {
  const { pool } = await open(t, {
    onFrame({ type, stream }, peer) {
      if (type !== Type.headers) return;
      if (stream === 5) peer.socket.resetAndDestroy();
      else if (stream === 1) respond(stream, peer);
      else peer.send(headersFrame(stream, OK));
    },
  });
  await sendBy(pool).ended;
  const streaming = sendBy(pool);
  await eventually('it has its head', () => streaming.head !== undefined);
  const sent = sendBy(pool);
  t.equal(await sent.ended, 'failure');
  t.match(sent.progress, { sent: 'some', isReused: false, hasResponseBegun: false });
});

t.test('an idle connection that the upstream has closed is not used', async (t) => {
  const { pool, peers, clock } = await open(t, responding);
  await sendBy(pool).ended;
  clock.stall(200);
  peers[0]!.socket.end();
  // The end is on its way, and is read before the request is sent.
  await once(peers[0]!.socket, 'finish');
  t.equal(await sendBy(pool).ended, 'end');
  t.equal(peers.length, 2);
});

t.test('a peer that is frozen is given up after a PING', async (t) => {
  const { pool, peers, clock } = await open(t, {
    onFrame: ({ type, flags }) => type === Type.ping && (flags & Flag.ack) === 0,
  });
  const [one, other] = [sendBy(pool), sendBy(pool)];
  await eventually('both have come', () => peers[0]?.of(Type.headers).length === 2);
  one.giveUp();
  await eventually('a PING has come', () => peers[0]!.of(Type.ping).length === 1);
  await clock.advance(300);
  // Not over a connection that is silent.
  sendBy(pool);
  await eventually('it has come elsewhere', () => peers[1]?.of(Type.headers).length === 1);
  await clock.advance(4699);
  t.equal(other.error, undefined);
  await clock.advance(1);
  t.equal(await other.ended, 'failure');
  t.match(other.error?.message, /did not respond to a PING within 5000 ms/);
  t.match(other.progress, { sent: 'some', isReused: false });
  await eventually('it is closed', () => peers[0]!.isClosed);
});

t.test(
  'a peer that is slow is asked once, and again only after a response or a minute',
  async (t) => {
    const { pool, peers, clock } = await open(t);
    const giveUpOne = async (): Promise<void> => {
      const sent = sendBy(pool);
      await eventually('it has begun', () => sent.dispatched !== undefined);
      sent.giveUp();
      await eventually(
        'it is reset',
        () => peers[0]!.resets(peers[0]!.of(Type.headers).at(-1)!.stream).length === 1,
      );
    };
    const pings = () => peers[0]!.of(Type.ping).length;
    const keep = sendBy(pool);
    await eventually('it has begun', () => keep.dispatched !== undefined);
    for (let i = 0; i < 3; i += 1) {
      await giveUpOne();
      await clock.advance(1000);
    }
    t.equal(pings(), 1);
    peers[0]!.send(headersFrame(1, OK));
    await eventually('it has its head', () => keep.head !== undefined);
    await giveUpOne();
    await eventually('it is asked', () => pings() === 2);
    await clock.advance(60_000);
    await giveUpOne();
    await eventually('it is asked', () => pings() === 3);
  },
);

t.test('too many control frames between requests close the connection', async (t) => {
  const floods: Record<string, Buffer> = {
    PING: encodeFrame(Type.ping, 0, 0, Buffer.alloc(8)),
    SETTINGS: settingsFrame(100),
  };
  for (const [name, frame] of Object.entries(floods)) {
    const { pool, peers } = await open(t);
    const sent = sendBy(pool);
    await eventually('it has come', () => peers[0]?.of(Type.headers).length === 1);
    for (let i = 1; i <= 20; i += 1) {
      t.equal(sent.error, undefined);
      peers[0]!.send(...Array.from({ length: 50 }, () => frame));
      // Node has a guard of its own against a peer that does not read what it gets.
      const acks = () =>
        peers[0]!.frames.filter(({ flags, type }) => type === frame[3] && flags === Flag.ack);
      await eventually('they are acknowledged', () => acks().length >= i * 50);
    }
    peers[0]!.send(frame);
    t.equal(await sent.ended, 'failure', name);
    t.match(sent.error?.message, /too many PING or SETTINGS frames/);
    await eventually('it is closed', () => peers[0]!.isClosed);
  }
});

t.test('a PING per response is no flood', async (t) => {
  const ping = encodeFrame(Type.ping, 0, 0, Buffer.alloc(8));
  const { pool, peers } = await open(t, {
    onFrame({ type, stream }, peer) {
      if (type !== Type.headers) return;
      peer.send(headersFrame(stream, OK), ...Array.from({ length: 20 }, () => ping));
      peer.send(dataFrame(stream, 'x', Flag.endStream));
    },
  });
  for (let i = 0; i < 100; i += 1) t.equal(await sendBy(pool).ended, 'end');
  t.equal(peers.length, 1);
});

t.test('a connection whose streams are all reset is not used for ever', async (t) => {
  const { pool, peers } = await open(t, {
    onFrame({ type, stream }, peer) {
      if (type === Type.headers) peer.send(rstFrame(stream, Code.internalError));
    },
  });
  for (let i = 0; i < 101; i += 1) t.equal(await sendBy(pool).ended, 'failure');
  t.equal(peers.length, 2);
});

t.test('other attacks close the connection, or end the stream', async (t) => {
  const field = encodeFields({ 'x-a': 'a' });
  const huge = { ':status': '200', 'x-a': 'a'.repeat(2000) };
  const attacks: Record<string, (stream: number, peer: RawPeer) => void> = {
    'a push': (stream, peer) =>
      peer.send(
        encodeFrame(
          Type.pushPromise,
          Flag.endHeaders,
          stream,
          Buffer.concat([uint32(2), encodeFields({ ':method': 'GET' })]),
        ),
      ),
    'endless CONTINUATION': (stream, peer) =>
      peer.send(
        encodeFrame(Type.headers, 0, stream, encodeFields(OK)),
        ...Array.from({ length: 100 }, () => encodeFrame(Type.continuation, 0, stream, field)),
      ),
    'a head that is too large': (stream, peer) =>
      peer.send(headersFrame(stream, huge, Flag.endStream)),
    'an informational status below 100': (stream, peer) =>
      peer.send(
        headersFrame(stream, { ':status': '099' }),
        headersFrame(stream, OK, Flag.endStream),
      ),
    'trailers that are too large': (stream, peer) =>
      peer.send(
        headersFrame(stream, OK),
        headersFrame(stream, { 'x-a': 'a'.repeat(2000) }, Flag.endStream),
      ),
  };
  for (const [name, attack] of Object.entries(attacks)) {
    const { pool } = await open(t, {
      onFrame({ type, stream }, peer) {
        if (type === Type.headers) attack(stream, peer);
      },
    });
    t.equal(await sendBy(pool).ended, 'failure', name);
  }
});

t.test(
  'an upstream that does not speak HTTP/2 is told as that, and nothing was sent to it',
  async (t) => {
    const seen: string[] = [];
    const ports = [
      await listen(
        t,
        createHttp1((request) => void seen.push(request.url!)),
      ),
      await listen(
        t,
        createServer((socket) => socket.end()),
      ),
      await listen(
        t,
        createServer((socket) => void socket.write('220 ready\r\n')),
      ),
    ];
    for (const port of ports) {
      const pool = new SessionPool(poolOptions(port), poolContext(createSystemClock()));
      t.teardown(() => pool.destroy());
      const sent = sendBy(pool, { method: 'POST', body: wholeBody('x') });
      t.equal(await sent.ended, 'failure');
      t.match(sent.error?.message, /HTTP\/2/);
      t.match(sent.progress, { isConnected: false, sent: 'none' });
    }
    t.same(seen, []);
  },
);

t.test('one that says nothing is given up after the time to connect', async (t) => {
  const { pool, clock, peers } = await open(t, silent);
  const sent = sendBy(pool);
  await eventually('there is a connection', () => peers[0]?.of(Type.settings).length === 1);
  await clock.advance(5000);
  t.equal(await sent.ended, 'failure');
  t.ok(sent.error instanceof ConnectTimeout);
  await eventually('it is closed', () => peers[0]!.isClosed);
});

t.test('a connection that cannot be opened fails all that wait for it', async (t) => {
  const pool = new SessionPool(poolOptions(NO_PORT), poolContext(new FakeClock()));
  const sent = [sendBy(pool), sendBy(pool)];
  for (const each of sent) {
    await each.ended;
    t.match(each.error, { code: 'ECONNREFUSED' });
    t.match(each.progress, { isConnected: false, sent: 'none' });
  }
});

t.test('the end of the pool ends its requests, those that wait included', async (t) => {
  const { pool, peers } = await open(t);
  const running = sendBy(pool);
  await eventually('it has come', () => peers[0]?.of(Type.headers).length === 1);
  pool.destroy();
  await running.ended;
  t.ok(running.error instanceof ClientClosed);
  const late = sendBy(pool);
  await late.ended;
  t.ok(late.error instanceof ClientClosed);
});

t.test('requests fail where no connection can even be begun', async (t) => {
  const context = { ...poolContext(new FakeClock()), claimDescriptor: () => false };
  const pool = new SessionPool(poolOptions(NO_PORT), context);
  t.teardown(() => pool.destroy());
  for (const sent of [sendBy(pool), sendBy(pool)]) {
    t.equal(await sent.ended, 'failure');
    t.match(sent.progress, { isConnected: false, sent: 'none' });
  }
});

t.test('a pool that is not wanted any more finishes its requests and closes', async (t) => {
  const { pool, peers } = await open(t);
  const running = sendBy(pool);
  await eventually('it has come', () => peers[0]?.of(Type.headers).length === 1);
  pool.release();
  respond(1, peers[0]!);
  t.equal(await running.ended, 'end');
  await eventually('it is closed', () => peers[0]!.isClosed);
});

t.test('a request arrives as it was sent, and its response comes back', async (t) => {
  const server = createHttp2();
  server.on('stream', (stream, headers) => {
    stream.additionalHeaders({ ':status': 103, link: '</a>' });
    stream.respond(
      { ':status': 201, 'x-seen': JSON.stringify(headers), 'set-cookie': ['a=1', 'b=2'] },
      { waitForTrailers: true },
    );
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': 'ü' }));
    stream.on('trailers', (trailers) => stream.write(`trailers ${JSON.stringify(trailers)}`));
    stream.on('data', (chunk: Buffer) => stream.write(chunk));
    stream.on('end', () => stream.end());
  });
  const port = await listen(t, server);
  const pool = new SessionPool(
    { ...poolOptions(port), maxHeaderSize: 16_384 },
    poolContext(createSystemClock()),
  );
  t.teardown(() => pool.destroy());
  const body = new FakeCursor();
  const sent = sendBy(pool, {
    method: 'PUT',
    path: '/a?b',
    authority: 'shop.test:8080',
    fields: [
      'X-One',
      '1',
      'User-Agent',
      'a',
      'x-one',
      '2',
      'Connection',
      'TE',
      'TE',
      'trailers',
      'user-agent',
      'b',
      'Cookie',
      'c=1',
      'Cookie',
      'd=2',
      'Host',
      'no',
    ],
    body,
    upgrade: 'websocket',
  });
  await eventually('it has begun', () => sent.dispatched !== undefined);
  body.offer('one ');
  body.offer('two ');
  // Node refuses to send a field such as the last one twice.
  body.end(['X-Check', '7', 'ETag', 'a', 'ETag', 'b']);
  t.equal(await sent.ended, 'end');
  t.equal(sent.hasSent, true);
  t.match(sent.informational, [{ status: 103, headers: ['link', '</a>'] }]);
  t.equal(sent.head!.status, 201);
  t.equal(sent.head!.statusText, 'Created');
  const seen = sent.head!.headers.indexOf('x-seen');
  t.same(JSON.parse(sent.head!.headers[seen + 1]!), {
    ':method': 'PUT',
    ':scheme': 'http',
    ':authority': 'shop.test:8080',
    ':path': '/a?b',
    'x-one': '1, 2',
    'user-agent': 'a, b',
    cookie: 'c=1; d=2',
    te: 'trailers',
  });
  t.same(sent.head!.headers.filter((text) => text.includes('=')).slice(-2), ['a=1', 'b=2']);
  t.equal(sent.text, 'one two trailers {"x-check":"7","etag":"a, b"}');
  t.same(sent.trailers, ['x-sum', 'ü']);
});

t.test('a body waits for the upstream, and a response for its reader', async (t) => {
  const server = createHttp2();
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    stream.respond();
    if (headers[':path'] === '/upload') return void stream.pause();
    const write = (): void => {
      while (stream.write(Buffer.alloc(16_384)));
      stream.once('drain', write);
    };
    write();
  });
  const port = await listen(t, server);
  const pool = new SessionPool(
    { ...poolOptions(port), maxHeaderSize: 16_384 },
    poolContext(createSystemClock()),
  );
  t.teardown(() => pool.destroy());
  const body = new FakeCursor();
  const upload = sendBy(pool, { method: 'POST', path: '/upload', body });
  await eventually('it has begun', () => upload.dispatched !== undefined);
  let offered = 0;
  const offer = (): void => {
    while (offered < 10_000_000 && body.offer(Buffer.alloc(16_384))) offered += 16_384;
  };
  offer();
  await eventually('it waits', () => upload.stalls.at(-1) === true);
  t.ok(offered < 1_000_000, `${offered} bytes were offered`);
  const download = sendBy(pool);
  await eventually('it has begun', () => download.bytes > 0);
  download.dispatched!.pause();
  const { bytes } = download;
  const other = sendBy(pool);
  await eventually('another response is not held up', () => other.bytes > 5_000_000);
  t.equal(download.bytes, bytes);
  download.dispatched!.resume();
  await eventually('it goes on', () => download.bytes > bytes + 1_000_000);
});
