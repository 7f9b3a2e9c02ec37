import { createServer, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import t from 'tap';
import { endWith } from '../../../src/inbound/http1/one-write.js';
import { FakeClock } from '../../support/fake-clock.js';

const clock = new FakeClock();

const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

/** What a client gets of two responses over one connection, and in how many pieces the first one was written. */
async function converse(method: string, respond: (response: ServerResponse) => void) {
  let writes = 0;
  let writesOfFirst = 0;
  const server = createServer((request, response) => {
    if (request.url === '/second') {
      writesOfFirst = writes;
      return response.end('second');
    }
    const { socket } = request;
    const write = socket.write.bind(socket);
    const { _writev } = socket as unknown as { _writev: (...all: unknown[]) => void };
    socket.write = ((...all: Parameters<typeof write>) => {
      writes += 1;
      return write(...all);
    }) as typeof write;
    (socket as unknown as { _writev: unknown })._writev = (...all: unknown[]) => {
      writes += 1;
      _writev.apply(socket, all);
    };
    respond(response);
    return undefined;
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const chunks: Buffer[] = [];
  client.on('data', (chunk) => chunks.push(chunk));
  client.write(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`);
  client.write('GET /second HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  await new Promise((resolve) => {
    client.on('close', resolve);
  });
  server.close();
  const bytes = Buffer.concat(chunks);
  const first = bytes.subarray(0, bytes.indexOf('HTTP/1.1 200 OK\r\nDate', 10));
  return {
    head: first.toString('latin1').split('\r\n\r\n')[0]!,
    first,
    bytes,
    writes: writesOfFirst,
  };
}

t.test('a response that is ended with its body', async (t) => {
  t.test('it leaves in one write, byte for byte', async (t) => {
    const seen = await converse('GET', (response) => {
      response.writeHead(200, ['X-Latin', 'caf\u00e9', 'Content-Length', '256']);
      endWith(response, everyByte, clock);
    });
    t.equal(seen.writes, 1);
    t.match(seen.head, /^X-Latin: caf\u00e9$/m);
    t.ok(seen.first.subarray(-256).equals(everyByte));
    t.match(seen.bytes.toString('latin1'), /second$/, 'and the connection goes on');
  });

  t.test('it leaves at the end of the turn', async (t) => {
    const held: (() => void)[] = [];
    const clock = new FakeClock();
    clock.atTurnEnd = (task) => void held.push(task);
    const seen = await converse('GET', (response) => {
      response.writeHead(200, ['Content-Length', '5']);
      endWith(response, Buffer.from('hello'), clock);
      t.equal(response.writableEnded, false);
      t.equal(held.length, 1);
      held[0]!();
      t.equal(response.writableEnded, true);
    });
    t.match(seen.first.toString('latin1'), /\r\n\r\nhello$/);
  });

  t.test('it keeps the chunked coding of a body without a length', async (t) => {
    const seen = await converse('GET', (response) => {
      response.writeHead(200, ['X-A', 'b']);
      endWith(response, Buffer.from('hello'), clock);
    });
    t.match(seen.first.toString('latin1'), /chunked[^]*\r\n\r\n5\r\nhello\r\n0\r\n\r\n$/);
  });

  t.test('it passes long bodies on as they are, at once', async (t) => {
    const body = Buffer.alloc(100_000, 'x');
    const clock = new FakeClock();
    clock.atTurnEnd = () => t.fail('waits for the end of the turn');
    const seen = await converse('GET', (response) => {
      response.writeHead(200, ['Content-Length', String(body.length)]);
      endWith(response, body, clock);
    });
    t.ok(seen.first.subarray(-body.length).equals(body));
  });

  t.test('it loses nothing where the head has left already', async (t) => {
    const seen = await converse('GET', (response) => {
      response.writeHead(200, ['Content-Length', '5']);
      response.flushHeaders();
      endWith(response, Buffer.from('hello'), clock);
    });
    t.match(seen.first.toString('latin1'), /\r\n\r\nhello$/);
  });

  t.test('it sends no body to HEAD', async (t) => {
    const seen = await converse('HEAD', (response) => {
      response.writeHead(200, ['Content-Length', '5']);
      endWith(response, Buffer.from('hello'), clock);
    });
    t.match(seen.first.toString('latin1'), /\r\n\r\n$/);
  });
});
