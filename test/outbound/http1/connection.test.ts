/** One connection to an upstream: what it writes, and what it tells of an exchange, without sockets. */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import t from 'tap';
import type { BodyCursor, BodyReader } from '../../../src/core/request-body.js';
import {
  ClientClosed,
  type OutboundRequest,
  type ResponseHandler,
} from '../../../src/outbound/client.js';
import { Connection } from '../../../src/outbound/http1/connection.js';
import { FakeClock } from '../../support/fake-clock.js';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** The socket of a connection: it takes what is written at once, unless the upstream is slow. */
class Wire extends Duplex {
  written = '';
  writes = 0;
  #isSlow = false;
  #waiting: (() => void) | undefined;

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written += chunk.toString('latin1');
    this.writes += 1;
    if (this.#isSlow) this.#waiting = done;
    else done();
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), 'buffer', done);
  }

  slowDown(): void {
    this.#isSlow = true;
  }

  async catchUp(): Promise<void> {
    this.#isSlow = false;
    this.#waiting?.();
    await new Promise(setImmediate);
  }
}

/** A connection, what its upstream gets, and all that it tells. */
function build() {
  const wire = new Wire();
  const told: unknown[] = [];
  const keeper = {
    onUnsent: () => void told.push('unsent'),
    onIdle: () => void told.push('idle'),
    onGone: () => void told.push('gone'),
  };
  const socket: Duplex = wire;
  const place = { address: 'a', openedAtMs: 7, clock: new FakeClock() };
  const connection = new Connection(socket as Socket, keeper, 16_384, place);
  const handler: ResponseHandler = {
    isOver: false,
    onStart: () => void told.push('start'),
    onStall: (isStalled) => void told.push(['stall', isStalled]),
    onSent: () => void told.push('sent'),
    onInformational: ({ status }) => void told.push(['informational', status]),
    onHead: ({ status }) => void told.push(['head', status]),
    onData: (chunk) => void told.push(['data', chunk.toString()]),
    onEnd: () => void told.push('end'),
    onUpgrade: ({ status }, socket) => {
      told.push(['upgrade', status]);
      socket.on('data', (bytes: Buffer) => told.push(['tunnel', bytes.toString()]));
      socket.resume();
    },
    onFailure: ({ message }, progress) => void told.push([message, progress]),
  };
  const request: OutboundRequest = {
    method: 'POST',
    path: '/a?b',
    authority: 'x.example',
    fields: ['Accept', 'text/plain'],
    body: undefined,
    upgrade: undefined,
  };
  return {
    connection,
    wire,
    told,
    written: () => wire.written,
    send: (overrides: Partial<OutboundRequest> = {}) =>
      connection.send({ ...request, ...overrides }, handler),
    respond: (text: string) => connection.onRead(Buffer.from(text, 'latin1')),
  };
}

/** A body that is here as a whole, or one that comes when the test says so. */
function fakeBody(whole?: Buffer, length?: number) {
  const asked: string[] = [];
  const trailers: string[] = [];
  let reader: BodyReader | undefined;
  const cursor: BodyCursor = {
    hasEnded: whole !== undefined,
    length,
    trailers,
    takeWhole: () => whole,
    sendTo: (taker) => void (reader = taker),
    demand: () => void asked.push('demand'),
    close: () => void asked.push('close'),
  };
  return {
    cursor,
    asked,
    offer: (text: string) => reader!.offer(Buffer.from(text)),
    end(...fields: string[]) {
      trailers.push(...fields);
      reader!.onBodyEnd();
    },
  };
}

const HEAD =
  'POST /a?b HTTP/1.1\r\nHost: x.example\r\nConnection: keep-alive\r\nAccept: text/plain\r\n';

t.test('a request without a body is its head', async (t) => {
  const { connection, send, written, told } = build();
  send();
  t.equal(written(), `${HEAD}\r\n`);
  t.same(told, ['start']);
  t.ok(connection.hasSentAll);
});

t.test('fields keep their bytes, whatever the body is', async (t) => {
  const fields = ['X-Name', 'caf\u00e9'];
  for (const body of [
    undefined,
    fakeBody(Buffer.alloc(9)),
    fakeBody(Buffer.alloc(20_000)),
    fakeBody(),
  ]) {
    const { send, written } = build();
    send({ fields, body: body?.cursor });
    t.match(written(), 'X-Name: caf\u00e9\r\n');
  }
});

t.test('what is here is sent in one write', async (t) => {
  for (const bytes of [3, 20_000]) {
    const { send, wire } = build();
    send({ body: fakeBody(Buffer.alloc(bytes)).cursor });
    t.equal(wire.writes, 1, `head and body of ${bytes} bytes`);
  }
  const { send, wire } = build();
  const body = fakeBody();
  send({ body: body.cursor });
  body.offer('abc');
  t.equal(wire.writes, 2, 'the head, and a chunk with its frame');
});

t.test('an upgrade is asked for by its name', async (t) => {
  const { send, written } = build();
  send({ upgrade: 'websocket' });
  t.match(written(), '\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n');
});

t.test('a body that is here is sent byte for byte, with a length', async (t) => {
  for (const bytes of [0, 3, 16_384, 16_385, 100_000]) {
    const whole = Buffer.alloc(bytes, '\u00ff\u0000a', 'latin1');
    const told = build();
    told.send({ body: fakeBody(whole).cursor });
    t.equal(told.written().slice(0, HEAD.length), HEAD);
    t.equal(
      told.written().slice(HEAD.length),
      `Content-Length: ${bytes}\r\n\r\n${whole.toString('latin1')}`,
    );
    const known = build();
    known.send({ body: fakeBody(whole, bytes).cursor });
    t.equal(known.written(), `${HEAD}\r\n${whole.toString('latin1')}`, 'its head has the length');
  }
});

t.test('a body of unknown length is sent in chunks as it comes', async (t) => {
  const { connection, send, written, told } = build();
  const body = fakeBody();
  send({ body: body.cursor });
  const head = `${HEAD}Transfer-Encoding: chunked\r\n\r\n`;
  t.equal(written(), head, 'the head does not wait for it');
  t.notOk(connection.hasSentAll);
  t.ok(body.offer('seventeen letters'));
  t.equal(written(), `${head}11\r\nseventeen letters\r\n`);
  body.offer('b');
  body.end('X-Sum', '1');
  t.equal(written(), `${head}11\r\nseventeen letters\r\n1\r\nb\r\n0\r\nX-Sum: 1\r\n\r\n`);
  t.same(told, ['start', 'sent']);
  t.ok(connection.hasSentAll);
});

t.test('a body of known length is sent as it is', async (t) => {
  const { send, written, told } = build();
  const body = fakeBody(undefined, 3);
  send({ body: body.cursor, fields: ['Content-Length', '3'] });
  body.offer('ab');
  body.offer('c');
  body.end();
  t.match(written(), /\r\nContent-Length: 3\r\n\r\nabc$/);
  t.notMatch(written(), /chunked/);
  t.same(told, ['start', 'sent']);
});

t.test('an upstream that takes no more stalls the body until it does', async (t) => {
  const { send, wire, told } = build();
  const body = fakeBody();
  send({ body: body.cursor });
  wire.slowDown();
  while (body.offer('x'.repeat(10_000)));
  t.same(told, ['start', ['stall', true]]);
  t.notOk(body.offer('x'));
  t.same(told, ['start', ['stall', true]], 'it is told once');
  await wire.catchUp();
  t.same(told, ['start', ['stall', true], ['stall', false]]);
  t.same(body.asked, ['demand']);
});

t.test('a body that ends while it is stalled is sent when the upstream has taken it', async (t) => {
  const { connection, send, wire, told } = build();
  const body = fakeBody();
  send({ body: body.cursor });
  wire.slowDown();
  while (body.offer('x'.repeat(10_000)));
  body.end();
  t.same(told, ['start', ['stall', true]]);
  t.notOk(connection.hasSentAll);
  await wire.catchUp();
  t.same(told, ['start', ['stall', true], ['stall', false], 'sent']);
  t.same(body.asked, [], 'nothing more is asked for');
});

t.test(
  'a response is handed over, and the connection is idle before its end is told',
  async (t) => {
    const { connection, send, respond, told } = build();
    send();
    respond('HTTP/1.1 103 Early Hints\r\n\r\n');
    respond('HTTP/1.1 100 Continue\r\n\r\n');
    respond(OK);
    t.same(told, ['start', ['informational', 103], ['head', 200], ['data', 'ok'], 'idle', 'end']);
    t.equal(connection.openedAtMs, 7);
    t.notOk(connection.isDestroyed);
  },
);

t.test('a connection is not used again while its request is still on its way', async (t) => {
  const { connection, send, respond, told } = build();
  send({ body: fakeBody().cursor });
  respond(OK);
  t.same(told, ['start', ['head', 200], ['data', 'ok'], 'end']);
  t.ok(connection.isDestroyed);
});

t.test('nor when its upstream closes it', async (t) => {
  const { connection, send, respond, told } = build();
  send();
  respond('HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n');
  t.same(told, ['start', ['head', 204], 'end']);
  t.ok(connection.isDestroyed);
});

const failure = (progress: object) => [
  'broken',
  { isConnected: true, sent: 'some', isReused: false, hasResponseBegun: false, ...progress },
];

t.test('a failure tells how far its exchange had come', async (t) => {
  const early = build();
  early.send();
  early.connection.fail(new Error('broken'));
  t.same(early.told, ['start', failure({})]);
  t.ok(early.connection.isDestroyed);
  const late = build();
  late.send();
  late.respond(OK.slice(0, 20));
  late.connection.fail(new Error('broken'));
  t.same(late.told, ['start', failure({ hasResponseBegun: true })]);
});

/** The message of a failure: all other words are single ones. */
const failed = (told: readonly unknown[]) =>
  told.flat().find((word) => typeof word === 'string' && word.includes(' '));

t.test('an upstream that ends its side, or is gone, breaks what is not complete', async (t) => {
  const ended = build();
  ended.send();
  ended.wire.push(null);
  ended.wire.resume();
  await new Promise(setImmediate);
  t.equal(failed(ended.told), 'other side closed');
  const closed = build();
  closed.send();
  closed.wire.destroy();
  await new Promise(setImmediate);
  t.equal(failed(closed.told), 'other side closed');
  const reset = build();
  reset.send();
  reset.wire.destroy(new Error('connection reset'));
  await new Promise(setImmediate);
  t.equal(failed(reset.told), 'connection reset', 'the cause, where it is known');
});

t.test('a refusal of an upload may end with its connection', async (t) => {
  const refusing = build();
  refusing.send({ body: fakeBody().cursor });
  refusing.respond('HTTP/1.1 413 Too Large\r\n\r\nno');
  refusing.wire.destroy(new Error('connection reset'));
  await new Promise(setImmediate);
  t.same(refusing.told, ['start', ['head', 413], ['data', 'no'], 'end', 'gone']);
  const broken = build();
  broken.send({ body: fakeBody().cursor });
  broken.respond('HTTP/1.1 200 OK\r\n\r\nno');
  broken.wire.destroy(new Error('connection reset'));
  await new Promise(setImmediate);
  t.match(broken.told.at(-1), ['connection reset', { hasResponseBegun: true }]);
});

t.test('what came of the exchange before does not count', async (t) => {
  const { connection, send, respond, told } = build();
  send();
  respond(OK);
  connection.isReused = true;
  told.length = 0;
  send();
  connection.fail(new Error('broken'));
  t.same(told, ['start', failure({ isReused: true })]);
});

t.test('a request whose body has not begun goes to another connection', async (t) => {
  const { connection, send, told } = build();
  connection.isReused = true;
  const body = fakeBody();
  send({ body: body.cursor });
  connection.fail(new Error('broken'));
  t.same(told, ['start', 'unsent']);
  t.same(body.asked, ['close']);
});

t.test('but not where its body has begun, or a response, or the client has left', async (t) => {
  const begun = build();
  begun.connection.isReused = true;
  const body = fakeBody();
  begun.send({ body: body.cursor });
  body.offer('a');
  begun.connection.fail(new Error('broken'));
  t.same(begun.told, ['start', failure({ isReused: true })]);
  const responded = build();
  responded.connection.isReused = true;
  responded.send({ body: fakeBody().cursor });
  responded.respond('H');
  responded.connection.fail(new Error('broken'));
  t.same(responded.told, ['start', failure({ isReused: true, hasResponseBegun: true })]);
  const left = build();
  left.connection.isReused = true;
  left.send({ body: fakeBody().cursor });
  left.connection.fail(new ClientClosed('broken'));
  t.same(left.told, ['start', failure({ isReused: true })]);
  const fresh = build();
  fresh.send({ body: fakeBody().cursor });
  fresh.connection.fail(new Error('broken'));
  t.same(fresh.told, ['start', failure({})]);
});

t.test('a connection that is destroyed tells its handler nothing', async (t) => {
  const { connection, send, told } = build();
  const body = fakeBody();
  send({ body: body.cursor });
  connection.destroy();
  await new Promise(setImmediate);
  t.same(told, ['start', 'gone']);
  t.ok(body.asked.includes('close'), 'it wants no more of the body');
});

t.test('after an upgrade, what comes is no response any more', async (t) => {
  const { send, respond, told, wire } = build();
  send({ upgrade: 'x' });
  respond('HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nfirst');
  await new Promise(setImmediate);
  t.same(told, ['start', 'gone', ['upgrade', 101], ['tunnel', 'first']], 'its pool lets go of it');
  respond('HTTP/1.1 second');
  await new Promise(setImmediate);
  t.same(told.slice(4), [['tunnel', 'HTTP/1.1 second']]);
  t.notOk(wire.destroyed);
});

t.test('hints are told as they come', async (t) => {
  const { send, respond, told } = build();
  send();
  respond('HTTP/1.1 103 Early Hints\r\n\r\n');
  t.same(told, ['start', ['informational', 103]], 'before the response is here');
});

t.test('hints before the second response are not its end', async (t) => {
  const { send, respond, told } = build();
  send();
  respond(OK);
  told.length = 0;
  send();
  respond('HTTP/1.1 103 Early Hints\r\n\r\n');
  respond(OK);
  t.same(told, ['start', ['informational', 103], ['head', 200], ['data', 'ok'], 'idle', 'end']);
});

t.test('the part of a body that is here is sent with the head', async (t) => {
  const { send, wire, written } = build();
  const { cursor } = fakeBody();
  send({ body: { ...cursor, sendTo: (reader) => void reader.offer(Buffer.from('abc')) } });
  t.match(written(), /\r\n\r\n3\r\nabc\r\n$/);
  t.equal(wire.writes, 1);
});
