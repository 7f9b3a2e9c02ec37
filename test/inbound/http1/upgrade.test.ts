import type { IncomingMessage } from 'node:http';
import { PassThrough, type Duplex } from 'node:stream';
import t from 'tap';
import { Http1Stream } from '../../../src/inbound/http1/http1-stream.js';
import { protocolOf, UpgradeRequest } from '../../../src/inbound/http1/upgrade.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
import { connectHttp1 } from '../../support/http1-pair.js';

/** @param following what Node hands over in place of the socket */
async function open(protocol = 'websocket', early = '', following?: Duplex) {
  let upgrade: UpgradeRequest | undefined;
  let stream: Http1Stream | undefined;
  let closes = 0;
  const givenBack: string[] = [];
  const pair = connectHttp1(
    () => {},
    (request, socket, head) => {
      upgrade = new UpgradeRequest(request, protocol, following ?? socket, head, (early) =>
        givenBack.push(early.toString()),
      );
      upgrade.response.sendDate = false;
      stream = new Http1Stream(request, upgrade.response, new FakeClock(), { upgrade });
      stream.listen({
        onMalformed() {},
        onClose: () => void (closes += 1),
        onDrain() {},
      });
    },
  );
  const fields = `Host: a\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n`;
  pair.client.write(`GET / HTTP/1.1\r\n${fields}\r\n${early}`);
  await settle();
  return { ...pair, stream: stream!, closes: () => closes, givenBack };
}

function follow(side: Duplex) {
  const seen = { text: '' };
  side.on('data', (chunk: Buffer) => void (seen.text += chunk.toString()));
  side.resume();
  return seen;
}

t.test('an accepted upgrade', async (t) => {
  t.test('sends the 101 and gives the connection away', async (t) => {
    const { stream, client, received } = await open();
    t.equal(stream.upgrade, 'websocket');
    const side = stream.accept('', ['Upgrade', 'websocket']);
    const seen = follow(side);
    side.write('to the client');
    client.write('to the server');
    await settle();
    t.equal(
      received(),
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nto the client',
    );
    t.equal(seen.text, 'to the server');
  });

  t.test("keeps the upstream's status text", async (t) => {
    const { stream, received } = await open();
    stream.accept('Welcome', []);
    await settle();
    t.equal(received(), 'HTTP/1.1 101 Welcome\r\n\r\n');
  });

  t.test('hands on what the client sent before, in order', async (t) => {
    const { stream, client } = await open('websocket', 'one ');
    client.write('two ');
    await settle();
    const seen = follow(stream.accept('', []));
    client.write('three');
    await settle();
    t.equal(seen.text, 'one two three');
  });

  t.test('sets no limit to what the client sends from then on', async (t) => {
    const { stream, client } = await open();
    const seen = follow(stream.accept('', []));
    for (let i = 0; i < 10; i++) client.write('x'.repeat(10_000));
    await settle();
    t.equal(seen.text.length, 100_000);
  });

  t.test('keeps a client that only ends its side', async (t) => {
    const { stream, client, server } = await open();
    stream.accept('', []).resume();
    client.end('bye');
    await settle();
    t.equal(server.destroyed, false);
  });
});

t.test('a stream in place of the socket', async (t) => {
  t.test('gives what it has kept to an accepted upgrade, before what comes later', async (t) => {
    const { stream, client } = await open('websocket', '', new PassThrough().end('kept '));
    const seen = follow(stream.accept('', []));
    client.write('later');
    await settle();
    t.equal(seen.text, 'kept later');
  });

  t.test('gives it back after a refusal', async (t) => {
    const { stream, givenBack } = await open('websocket', '', new PassThrough().end('GET /next'));
    stream.sendHead(403, undefined, ['Content-Length', '0'], false);
    stream.end();
    await settle();
    t.same(givenBack, ['GET /next']);
  });
});

t.test('a client that sends much before the 101 is stopped', async (t) => {
  const { client, server } = await open();
  const sent = 1_000_000;
  client.write(Buffer.alloc(sent / 2));
  client.write(Buffer.alloc(sent / 2));
  await settle();
  t.equal(server.isPaused(), true);
  t.ok(client.writableLength > 0);
});

t.test('after a refusal the socket is given back, with what the client sent early', async (t) => {
  const { stream, received, server, client, givenBack } = await open('websocket', 'GET ');
  client.write('/next');
  await settle();
  stream.sendHead(403, undefined, ['Content-Length', '2'], false);
  stream.end(Buffer.from('no'));
  await settle();
  t.match(
    received(),
    /^HTTP\/1\.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: keep-alive\r\n/,
  );
  t.match(received(), /\r\n\r\nno$/);
  t.same(givenBack, ['GET /next']);
  t.equal(server.destroyed, false);
});

t.test(
  'after a refusal the connection closes where the client or the response says so',
  async (t) => {
    for (const [protocol, isLast] of [
      ['websocket\r\nConnection: close', false],
      ['websocket', true],
    ] as const) {
      const { stream, received, server, givenBack } = await open(protocol);
      stream.sendHead(403, undefined, ['Content-Length', '0'], isLast);
      stream.end();
      await settle();
      t.match(received(), /\r\nConnection: close\r\n/);
      t.same([givenBack, server.destroyed], [[], true]);
    }
  },
);

t.test('a client that hangs up before the 101 closes the stream', async (t) => {
  const { stream, client, closes } = await open();
  client.end();
  await settle();
  t.equal(stream.isGone, true);
  t.equal(closes(), 1);
});

const offer = (upgrade: string, httpVersionMinor = 1) =>
  protocolOf({ headers: { upgrade }, httpVersionMinor } as IncomingMessage);

t.test('HTTP/2 in clear, and any upgrade of HTTP/1.0, is not passed on', (t) => {
  for (const protocol of ['h2c', 'websocket, h2c', 'H2C']) t.equal(offer(protocol), undefined);
  t.equal(offer('h2cat'), 'h2cat');
  t.equal(offer('websocket', 0), undefined);
  t.end();
});
