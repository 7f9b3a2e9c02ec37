import { constants, type ServerHttp2Stream } from 'node:http2';
import t from 'tap';
import { breakOff } from '../../../src/inbound/http2/stream-end.js';
import { eventually } from '../../support/sidecar.js';
import {
  codeOf,
  data,
  END_STREAM,
  FrameClient,
  INITIAL_WINDOW_SIZE,
  request,
  reset,
  settings,
  windowUpdate,
} from '../../support/http2-frames.js';
import { startHttp2, type TestRequest } from '../../support/http2-listener.js';

const { NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = constants;

/** HEADERS and DATA without and with END_STREAM. */
const HEADERS = 'HEADERS:4';
const ONLY_HEADERS = 'HEADERS:5';
const DATA = 'DATA:0';
const LAST_DATA = 'DATA:1';

const begin = ({ stream }: TestRequest, status = 200) =>
  stream.sendHead(status, undefined, ['Content-Type', 'text/plain'], false);

const ends: Readonly<Record<string, { run: (request: TestRequest) => void; shape: string }>> = {
  'a head that nothing follows': {
    run: (request) => {
      begin(request);
      request.stream.end();
    },
    shape: ONLY_HEADERS,
  },
  'a body': {
    run: (request) => {
      begin(request);
      request.stream.end(Buffer.from('body'));
    },
    shape: `${HEADERS} ${DATA} ${LAST_DATA}`,
  },
  'a body with trailers': {
    run: (request) => {
      begin(request);
      request.stream.end(Buffer.from('body'), ['X-Sum', '1']);
    },
    shape: `${HEADERS} ${DATA} ${ONLY_HEADERS}`,
  },
  'trailers alone': {
    run: (request) => {
      begin(request);
      request.stream.flushHead();
      request.stream.end(undefined, ['X-Sum', '1']);
    },
    shape: `${HEADERS} ${ONLY_HEADERS}`,
  },
  'a 204': {
    run: (request) => {
      begin(request, 204);
      request.stream.end();
    },
    shape: ONLY_HEADERS,
  },
  'a 304 whose upstream sent a body': {
    run: (request) => {
      begin(request, 304);
      request.stream.write(Buffer.from('body'));
      request.stream.end(Buffer.from('body'));
    },
    shape: ONLY_HEADERS,
  },
  'a refusal': { run: ({ stream }) => stream.refuse(408), shape: ONLY_HEADERS },
};

for (const [what, { run, shape }] of Object.entries(ends)) {
  t.test(`ends ${what} with END_STREAM`, async (t) => {
    const { port } = await startHttp2(t, run);
    const client = new FrameClient(port);
    client.send(request(1));
    await eventually('it has ended', () => client.shape(1) === shape);
    await client.roundTrip();
    t.equal(client.shape(1), shape, 'and nothing follows');
    client.socket.destroy();
  });
}

t.test('ends the response to a HEAD with its head', async (t) => {
  const { port } = await startHttp2(t, (request) => {
    begin(request);
    request.stream.end();
  });
  const client = new FrameClient(port);
  client.send(request(1, { method: 'HEAD' }));
  await client.until('HEADERS', 1);
  await client.roundTrip();
  t.equal(client.shape(1), ONLY_HEADERS);
  client.socket.destroy();
});

const cuts: Readonly<Record<string, (request: TestRequest) => void>> = {
  'a head that was not sent': (request) => {
    begin(request);
    request.stream.abort();
  },
  'a head': (request) => {
    begin(request);
    request.stream.flushHead();
    setImmediate(() => request.stream.abort());
  },
  'a part of the body': (request) => {
    begin(request);
    request.stream.write(Buffer.from('part'));
    setImmediate(() => request.stream.abort());
  },
  'a part in the same turn': (request) => {
    begin(request);
    request.stream.write(Buffer.from('part'));
    request.stream.abort();
  },
  'what the client does not take': (request) => {
    begin(request);
    while (request.stream.write(Buffer.alloc(16_384)));
    setTimeout(() => request.stream.abort(), 20);
  },
};

for (const [what, run] of Object.entries(cuts)) {
  t.test(`resets with INTERNAL_ERROR after ${what}, and never with END_STREAM`, async (t) => {
    const { port, requests } = await startHttp2(t, run);
    const client = new FrameClient(port, { first: settings([INITIAL_WINDOW_SIZE, 1000]) });
    client.send(request(1));
    t.equal(codeOf(await client.until('RST_STREAM', 1)), NGHTTP2_INTERNAL_ERROR);
    await client.roundTrip();
    t.notOk(client.of(1).some(({ type, flags }) => type !== 'RST_STREAM' && flags & END_STREAM));
    t.equal(requests[0]!.closes, 0, 'that is not the doing of the client');
    client.socket.destroy();
  });
}

t.test('a cut stream costs the others of its connection nothing', async (t) => {
  const { port, requests } = await startHttp2(t);
  const client = new FrameClient(port);
  client.send(request(1), request(3));
  await eventually('both are here', () => requests.length === 2);
  for (const each of requests) {
    begin(each);
    each.stream.write(Buffer.from('part'));
  }
  await client.until('DATA', 3);
  requests[0]!.stream.abort();
  await client.until('RST_STREAM', 1);
  requests[1]!.stream.end(Buffer.from('rest'));
  await eventually(
    'the other ends',
    () => client.shape(3) === `${HEADERS} ${DATA} ${DATA} ${LAST_DATA}`,
  );
  client.socket.destroy();
});

for (const method of ['GET', 'POST', 'HEAD']) {
  for (const code of [NGHTTP2_NO_ERROR, NGHTTP2_INTERNAL_ERROR, NGHTTP2_CANCEL]) {
    t.test(`takes RST_STREAM ${code} to ${method} for a hang-up`, async (t) => {
      const { port, requests } = await startHttp2(t);
      const client = new FrameClient(port);
      client.send(request(1, { method, flags: method === 'POST' ? 0 : END_STREAM }));
      await eventually('it is here', () => requests.length === 1);
      const [it] = requests;
      if (method === 'POST') it!.read();
      client.send(reset(1, code));
      await eventually('it has left', () => it!.closes === 1);
      t.equal(it!.stream.isGone, true);
      t.equal(it!.hasBody, false, 'the body is not taken for complete');
      begin(it!);
      it!.stream.end(Buffer.from('too late'));
      await client.roundTrip();
      t.equal(client.shape(1), '');
      t.equal(it!.closes, 1);
      client.socket.destroy();
    });
  }
}

t.test('RST_STREAM NO_ERROR frees a stream whose response waits for the window', async (t) => {
  const { port, side, requests } = await startHttp2(t, (it) => {
    it.read();
    begin(it);
    it.stream.write(Buffer.from('more than five bytes'));
  });
  const client = new FrameClient(port, { first: settings([INITIAL_WINDOW_SIZE, 5]) });
  client.send(request(1, { method: 'POST', flags: 0 }));
  await client.until('DATA', 1);
  client.send(reset(1, NGHTTP2_NO_ERROR));
  await eventually('it has left', () => requests[0]!.closes === 1);
  side.drain();
  await client.untilClosed();
});

const departures: Readonly<Record<string, (client: FrameClient) => unknown>> = {
  'an end': ({ socket }) => socket.end(),
  'a reset': ({ socket }) => socket.resetAndDestroy(),
};

for (const [how, leave] of Object.entries(departures)) {
  t.test(`takes ${how} of the connection for a hang-up of all its streams`, async (t) => {
    const { port, requests } = await startHttp2(t);
    const client = new FrameClient(port);
    client.send(
      request(1),
      request(3, { method: 'HEAD' }),
      request(5, { method: 'PUT', flags: 0 }),
    );
    await eventually('all are here', () => requests.length === 3);
    requests[2]!.read();
    begin(requests[0]!);
    requests[0]!.stream.flushHead();
    leave(client);
    await eventually('all have left', () => requests.every(({ closes }) => closes === 1));
    t.equal(requests[2]!.hasBody, false);
    for (const each of requests) each.stream.abort();
  });
}

for (const isClosing of [false, true]) {
  const when = isClosing ? 'later where Node is about to reset it' : 'at once';
  t.test(`destroys a stream that is broken off ${when}`, async (t) => {
    // Such as a connection that is lost leaves behind: each of its streams is told, and reset after that.
    const destroyed: unknown[] = [];
    const stream = {
      closed: isClosing,
      destroy: (error?: Error) => destroyed.push(error?.message),
    };
    breakOff(stream as unknown as ServerHttp2Stream);
    t.equal(destroyed.length, isClosing ? 0 : 1);
    await new Promise((resolve) => setImmediate(resolve));
    t.strictSame(destroyed, [isClosing ? undefined : 'the response cannot be completed']);
  });
}

t.test('a body that is not as long as announced is not complete', async (t) => {
  const { port, requests } = await startHttp2(t);
  const client = new FrameClient(port);
  client.send(request(1, { method: 'POST', flags: 0, extra: [['content-length', '10']] }));
  await eventually('it is here', () => requests.length === 1);
  requests[0]!.read();
  client.send(data(1, 'short', END_STREAM));
  await eventually('it is over', () => requests[0]!.closes === 1);
  t.equal(requests[0]!.hasBody, false);
  t.equal(codeOf(await client.until('RST_STREAM', 1)), constants.NGHTTP2_PROTOCOL_ERROR);
  client.socket.destroy();
});

t.test('asks a client to stop its upload once it has its whole response', async (t) => {
  const { port } = await startHttp2(t, (it) => {
    begin(it);
    it.stream.end(Buffer.from('no thanks!'));
  });
  // The client takes five bytes at first.
  const client = new FrameClient(port, { first: settings([INITIAL_WINDOW_SIZE, 5]) });
  client.send(request(1, { method: 'POST', flags: 0 }));
  await client.until('DATA', 1);
  await client.roundTrip();
  t.equal(client.shape(1), `${HEADERS} ${DATA}`, 'no reset overtakes the response');
  client.send(windowUpdate(1, 100));
  t.equal(codeOf(await client.until('RST_STREAM', 1)), NGHTTP2_NO_ERROR);
  t.equal(client.shape(1), `${HEADERS} ${DATA} ${DATA} ${LAST_DATA} RST_STREAM:0`);
  client.socket.destroy();
});
