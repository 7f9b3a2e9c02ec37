/** Whether a response was complete, told from raw frames: each of these ends looks alike to those who read node:http2's streams. */
import t from 'tap';
import { ResponseFault, ResponseUnfinished } from '../../../src/outbound/client.js';
import { SessionPool } from '../../../src/outbound/http2/session-pool.js';
import { createSystemClock } from '../../../src/platform/system-clock.js';
import { FakeCursor, sendBy, wholeBody, type Sent } from '../../support/outbound.js';
import { poolContext, poolOptions } from '../../support/pool-options.js';
import {
  Code,
  Flag,
  Type,
  dataFrame,
  encodeFrame,
  goawayFrame,
  headersFrame,
  rstFrame,
  settingsFrame,
  startRawHttp2,
  type Frame,
  type RawHttp2,
  type RawPeer,
} from '../../support/raw-http2.js';
import { eventually, type Teardown } from '../../support/sidecar.js';

type Respond = (stream: number, peer: RawPeer) => void;

/** A pool, and an upstream that responds to each head of a request. */
async function open(t: Teardown, respond: Respond) {
  const upstream = await startRawHttp2(t, {
    onFrame({ type, stream }: Frame, peer) {
      if (type === Type.headers) respond(stream, peer);
    },
  });
  const pool = new SessionPool(poolOptions(upstream.port), poolContext(createSystemClock()));
  t.teardown(() => pool.destroy());
  return { pool, upstream };
}

/** What became of one GET. */
async function get(t: Teardown, respond: Respond): Promise<Sent> {
  const { pool } = await open(t, respond);
  const sent = sendBy(pool);
  await sent.ended;
  return sent;
}

/** ENABLE_PUSH is 7. */
const badSettings = encodeFrame(Type.settings, 0, 0, Buffer.from([0, 2, 0, 0, 0, 7]));

const OK = { ':status': '200' };

t.test('a response is complete', async (t) => {
  const ways: Record<string, Respond> = {
    'with END_STREAM at the head': (stream, peer) =>
      peer.send(headersFrame(stream, OK, Flag.endStream)),
    'with END_STREAM at the last byte': (stream, peer) =>
      peer.send(headersFrame(stream, OK), dataFrame(stream, 'all', Flag.endStream)),
    'with an empty DATA frame': (stream, peer) =>
      peer.send(
        headersFrame(stream, OK),
        dataFrame(stream, 'all'),
        dataFrame(stream, '', Flag.endStream),
      ),
    'with trailers': (stream, peer) =>
      peer.send(
        headersFrame(stream, OK),
        dataFrame(stream, 'all'),
        headersFrame(stream, { 'x-sum': '3' }, Flag.endStream),
      ),
    'with END_STREAM and a reset behind it': (stream, peer) =>
      peer.send(
        headersFrame(stream, OK),
        dataFrame(stream, 'all', Flag.endStream),
        rstFrame(stream, Code.noError),
      ),
    'with END_STREAM and the end of the connection behind it': (stream, peer) => {
      peer.send(headersFrame(stream, OK), dataFrame(stream, 'all', Flag.endStream));
      peer.socket.destroySoon();
    },
  };
  for (const [how, respond] of Object.entries(ways)) {
    const sent = await get(t, respond);
    t.equal(sent.calls.at(-1), 'end', how);
    t.equal(sent.head?.status, 200);
    t.equal(sent.head?.statusText, 'OK');
    t.same(sent.trailers, how === 'with trailers' ? ['x-sum', '3'] : [], how);
  }
});

t.test(
  'a response that is cut after its head is a failure, whatever the cut looks like',
  async (t) => {
    const cuts: Record<string, Respond> = {
      'reset with NO_ERROR': (stream, peer) => peer.send(rstFrame(stream, Code.noError)),
      'reset with CANCEL': (stream, peer) => peer.send(rstFrame(stream, Code.cancel)),
      'reset with INTERNAL_ERROR': (stream, peer) =>
        peer.send(rstFrame(stream, Code.internalError)),
      'reset with REFUSED_STREAM': (stream, peer) =>
        peer.send(rstFrame(stream, Code.refusedStream)),
      'end of the connection': (_stream, peer) => peer.socket.end(),
      'reset of the connection': (_stream, peer) => peer.socket.resetAndDestroy(),
      'GOAWAY with an error': (stream, peer) => peer.send(goawayFrame(stream, Code.internalError)),
      'GOAWAY and the end of the connection': (stream, peer) => {
        peer.send(goawayFrame(stream, Code.noError));
        peer.socket.end();
      },
      'SETTINGS that make no sense': (_stream, peer) => peer.send(badSettings),
    };
    for (const [how, cut] of Object.entries(cuts)) {
      // The head and some bytes have been handed over before the cut.
      const { pool, upstream } = await open(t, (stream, peer) =>
        peer.send(headersFrame(stream, OK), dataFrame(stream, 'part')),
      );
      const sent = sendBy(pool);
      await eventually('the part has come', () => sent.bytes === 4);
      cut(1, upstream.peers[0]!);
      t.equal(await sent.ended, 'failure', how);
      t.match(sent.progress, {
        isConnected: true,
        sent: 'some',
        isReused: false,
        hasResponseBegun: true,
      });
      t.same(sent.calls, ['start', 'head', 'failure'], how);
      t.equal(sent.error instanceof ResponseUnfinished, how === 'reset with NO_ERROR', how);
    }
  },
);

t.test('a head that comes together with its breakage is not handed over', async (t) => {
  for (const code of [Code.noError, Code.cancel, Code.internalError]) {
    const sent = await get(t, (stream, peer) =>
      peer.send(headersFrame(stream, OK), dataFrame(stream, 'part'), rstFrame(stream, code)),
    );
    t.same(sent.calls, ['start', 'failure']);
    t.match(sent.progress, { sent: 'some', hasResponseBegun: true });
  }
});

const partOf = (stream: number) => [headersFrame(stream, OK), dataFrame(stream, 'part')];

/** A request whose body is longer than the upstream takes, until it has taken what it does. */
async function fillWindow(pool: SessionPool, upstream: RawHttp2): Promise<Sent> {
  const sent = sendBy(pool, { method: 'POST', body: wholeBody(Buffer.alloc(100_000)) });
  await eventually('the window is full', () => {
    const frames = upstream.peers[0]?.of(Type.data, 1) ?? [];
    return frames.reduce((sum, { payload }) => sum + payload.length, 0) === 65_535;
  });
  return sent;
}

t.test(
  'a reset with NO_ERROR ends a request that is not sent as a whole, and its stream is free',
  async (t) => {
    const ways: Record<string, { frames: (stream: number) => Buffer[]; how: 'end' | 'failure' }> = {
      'before a response': { frames: () => [], how: 'failure' },
      'in a response': { frames: partOf, how: 'failure' },
      'after a response': {
        frames: (stream) => [...partOf(stream), dataFrame(stream, '', Flag.endStream)],
        how: 'end',
      },
    };
    for (const [when, { frames, how }] of Object.entries(ways)) {
      const upstream = await startRawHttp2(t, { first: settingsFrame(1) });
      const pool = new SessionPool(poolOptions(upstream.port), poolContext(createSystemClock()));
      t.teardown(() => pool.destroy());
      const sent = await fillWindow(pool, upstream);
      const peer = upstream.peers[0]!;
      peer.send(...frames(1), rstFrame(1, Code.noError));
      t.equal(await sent.ended, how, when);
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
      sendBy(pool);
      await eventually(
        'there is another request',
        () => upstream.peers.length > 1 || peer.of(Type.headers).length > 1,
      );
      t.equal(upstream.peers.length, 1, `the only stream of the connection is free: ${when}`);
    }
  },
);

t.test('a body that is shorter or longer than it says is a failure', async (t) => {
  const fields = { ':status': '200', 'content-length': '5' };
  for (const text of ['four', 'sixsix']) {
    const sent = await get(t, (stream, peer) =>
      peer.send(headersFrame(stream, fields), dataFrame(stream, text, Flag.endStream)),
    );
    t.equal(sent.calls.at(-1), 'failure', text);
    t.ok(sent.error instanceof ResponseFault, text);
  }
});

t.test('a malformed head is a fault of the response, not a reset', async (t) => {
  for (const head of [
    { 'x-no': 'status' },
    { ...OK, 'content-length': 'five' },
    { ...OK, connection: 'close' },
  ]) {
    const sent = await get(t, (stream, peer) =>
      peer.send(headersFrame(stream, head, Flag.endStream)),
    );
    t.same(sent.calls, ['start', 'failure'], JSON.stringify(head));
    t.ok(sent.error instanceof ResponseFault, JSON.stringify(head));
  }
});

t.test(
  'a paused response that has come as a whole is complete, and one that was cut is not',
  async (t) => {
    const long = { ...OK, 'content-length': '99' };
    const ends: [typeof OK, Buffer, 'end' | 'failure'][] = [
      [OK, dataFrame(1, '', Flag.endStream), 'end'],
      [long, rstFrame(1, Code.noError), 'failure'],
      // Without a length nothing tells it from a complete one.
      [OK, rstFrame(1, Code.noError), 'end'],
      [OK, rstFrame(1, Code.cancel), 'failure'],
    ];
    for (const [head, last, how] of ends) {
      const { pool, upstream } = await open(t, (stream, peer) =>
        peer.send(headersFrame(stream, head), dataFrame(stream, 'first')),
      );
      const sent = sendBy(pool);
      await eventually('the first bytes have come', () => sent.bytes === 5);
      sent.dispatched!.pause();
      upstream.peers[0]!.send(dataFrame(1, 'second'), last);
      // It is read when this one has its response.
      upstream.peers[0]!.send();
      const other = sendBy(pool);
      await eventually('the other has its response', () => other.bytes === 5);
      t.equal(sent.bytes, 5);
      sent.dispatched!.resume();
      t.equal(await sent.ended, how);
    }
  },
);

t.test(
  'a request is unsent where the upstream says so, and only before its response',
  async (t) => {
    const refused = await get(t, (stream, peer) => peer.send(rstFrame(stream, Code.refusedStream)));
    t.match(refused.progress, { isConnected: true, sent: 'none', hasResponseBegun: false });
    t.match(refused.error?.message, /REFUSED_STREAM/);
    for (const code of [Code.noError, Code.enhanceYourCalm]) {
      const above = await get(t, (_stream, peer) => peer.send(goawayFrame(0, code)));
      t.match(above.progress, { sent: 'none', hasResponseBegun: false }, `GOAWAY ${code}`);
    }
    const reset = await get(t, (stream, peer) => peer.send(rstFrame(stream, Code.cancel)));
    t.match(reset.progress, { sent: 'some', hasResponseBegun: false, isReused: false });
    t.match(reset.error?.message, /CANCEL/);
    const covered = await get(t, (stream, peer) =>
      peer.send(goawayFrame(stream, Code.internalError)),
    );
    t.match(covered.progress, { sent: 'some' });
    t.match(covered.error?.message, /INTERNAL_ERROR/);
    const lost = await get(t, (_stream, peer) => peer.socket.end());
    t.match(lost.progress, { sent: 'some', isReused: false });
    t.match(lost.error?.message, /other side closed/);
  },
);

t.test('what breaks the protocol is told as that', async (t) => {
  const sent = await get(t, (_stream, peer) => peer.send(badSettings));
  t.ok(sent.error instanceof ResponseFault);
  t.match(sent.error?.message, /HTTP\/2 protocol/);
});

t.test(
  'a request that is given up is reset with CANCEL, and a part of its body never looks whole',
  async (t) => {
    const { pool, upstream } = await open(t, () => {});
    const waiting = sendBy(pool);
    const body = new FakeCursor();
    const uploading = sendBy(pool, { method: 'POST', body });
    await eventually(
      'both have begun',
      () => waiting.dispatched !== undefined && uploading.dispatched !== undefined,
    );
    body.offer('part of it');
    const peer = upstream.peers[0]!;
    await eventually('the part has come', () => peer.of(Type.data, 3).length > 0);
    waiting.giveUp();
    uploading.giveUp();
    await eventually('both are reset', () => peer.of(Type.rst).length === 2);
    t.same(peer.resets(1), [Code.cancel]);
    t.same(peer.resets(3), [Code.cancel]);
    t.ok(peer.of(Type.data, 3).every(({ flags }) => (flags & Flag.endStream) === 0));
    t.equal(body.isClosed, true);
    t.same(waiting.calls, ['start'], 'nothing more is told');
  },
);

t.test(
  'a large body that is given up while the upstream takes no more never looks whole',
  async (t) => {
    const { pool, upstream } = await open(t, () => {});
    const sent = sendBy(pool, { method: 'POST', body: wholeBody(Buffer.alloc(200_000)) });
    await eventually('the window is full', () => {
      const frames = upstream.peers[0]?.of(Type.data, 1) ?? [];
      return frames.reduce((sum, { payload }) => sum + payload.length, 0) === 65_535;
    });
    t.equal(sent.dispatched!.hasSentAll, false);
    sent.giveUp();
    const peer = upstream.peers[0]!;
    await eventually('it is reset', () => peer.resets(1).length > 0);
    t.same(peer.resets(1), [Code.cancel]);
    t.ok(peer.of(Type.data, 1).every(({ flags }) => (flags & Flag.endStream) === 0));
  },
);

t.test(
  'a response that comes before the end of the upload is handed over, and ends the upload',
  async (t) => {
    const { pool, upstream } = await open(t, (stream, peer) =>
      peer.send(
        headersFrame(stream, { ':status': '413' }),
        dataFrame(stream, 'no', Flag.endStream),
      ),
    );
    const body = new FakeCursor();
    const sent = sendBy(pool, { method: 'POST', body });
    t.equal(await sent.ended, 'end');
    t.equal(sent.head?.status, 413);
    t.equal(sent.text, 'no');
    t.equal(body.isClosed, true);
    const peer = upstream.peers[0]!;
    await eventually('the upload is reset', () => peer.resets(1).length > 0);
    t.same(peer.resets(1), [Code.cancel]);
    t.same(peer.of(Type.data, 1), [], 'no END_STREAM');
  },
);

t.test('a response that is complete when its upload is reset counts', async (t) => {
  for (const code of [Code.noError, Code.cancel, Code.internalError]) {
    const { pool } = await open(t, (stream, peer) =>
      peer.send(
        headersFrame(stream, { ':status': '401' }),
        dataFrame(stream, 'who are you', Flag.endStream),
        rstFrame(stream, code),
      ),
    );
    const body = new FakeCursor();
    const sent = sendBy(pool, { method: 'POST', body });
    t.equal(await sent.ended, 'end');
    t.equal(sent.text, 'who are you');
    t.equal(body.isClosed, true);
  }
});
