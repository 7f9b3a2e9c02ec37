import { once } from 'node:events';
import { get } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import * as fc from 'fast-check';
import t from 'tap';
import type { Fields } from '../../../src/http/fields.js';
import { type ResponseHead } from '../../../src/outbound/client.js';
import { ReplyParser, type Question } from '../../../src/outbound/http1/reply-parser.js';

const GET: Question = { method: 'GET', upgrade: undefined };
const MAX_HEADER_BYTES = 1000;

interface Reading {
  readonly informational: ResponseHead[];
  head: ResponseHead | undefined;
  body: string;
  upgraded: string | undefined;
  end: { readonly trailers: Fields; readonly keepsAlive: boolean } | undefined;
  fault: string | undefined;
}

/** Reads `pieces` as the response to `question`, and then the end of the connection. */
function read(pieces: readonly string[], question = GET): Reading {
  const reading: Reading = {
    informational: [],
    head: undefined,
    body: '',
    upgraded: undefined,
    end: undefined,
    fault: undefined,
  };
  const parser = new ReplyParser(
    {
      onInformational: (head) => reading.informational.push(head),
      onHead: (head) => (reading.head = head),
      onBody: (chunk) => (reading.body += chunk.toString('latin1')),
      onComplete: (trailers, keepsAlive) => (reading.end = { trailers, keepsAlive }),
      onUpgrade(head, rest) {
        reading.head = head;
        reading.upgraded = rest.toString('latin1');
      },
      onFault: (error) => (reading.fault ??= error.message),
    },
    MAX_HEADER_BYTES,
  );
  parser.expect(question);
  const scratch = Buffer.alloc(4096);
  for (const piece of pieces) {
    if (reading.upgraded === undefined && reading.fault === undefined) {
      // What was told must not depend on bytes that are overwritten.
      parser.read(scratch.subarray(0, scratch.write(piece, 'latin1')));
      scratch.fill('?');
    }
  }
  parser.end();
  parser.close();
  return reading;
}

/** `text`, cut at each of `at`. */
function cut(text: string, at: readonly number[]): string[] {
  const places = [...new Set(at)].toSorted((a, b) => a - b).filter((place) => place < text.length);
  return [0, ...places].map((place, i) => text.slice(place, places[i]));
}

const responses = {
  'a length': 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Two: a\r\nx-two: \r\n\r\nhello',
  chunks:
    'HTTP/1.1 201 Créé\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\nX-Sum: 1\r\n\r\n',
  'an end': 'HTTP/1.0 200 OK\r\nA: b\r\n\r\nhello',
  'hints first':
    'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
} as const;

t.test('a response', async (t) => {
  t.test('it is read alike wherever its bytes are cut', async (t) => {
    const places = fc.array(fc.nat(150), { maxLength: 12 });
    const text = fc.constantFrom(...Object.values(responses));
    fc.assert(
      fc.property(text, places, (response, at) => {
        t.strictSame(read(cut(response, at)), read([response]));
      }),
    );
  });

  t.test('it keeps fields as they are on the wire', async (t) => {
    const { head } = read([responses['a length']]);
    t.strictSame(head?.headers, ['Content-Length', '5', 'X-Two', 'a', 'x-two', '']);
    t.equal(read([responses.chunks]).head?.statusText, 'Créé');
  });

  t.test('it ends with its length, its last chunk or its connection', async (t) => {
    for (const response of Object.values(responses)) t.equal(read([response]).body, 'hello');
    t.strictSame(read([responses.chunks]).end, { trailers: ['X-Sum', '1'], keepsAlive: true });
    t.strictSame(read([responses['an end']]).end, { trailers: [], keepsAlive: false });
    t.equal(read([responses['a length'].slice(0, -1)]).end, undefined);
    t.equal(read([responses.chunks.slice(0, -2)]).end, undefined);
  });

  t.test('it has no body where its request or its status says so', async (t) => {
    const head = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n';
    const toHead = read([head], { method: 'HEAD', upgrade: undefined });
    t.strictSame(toHead.end, { trailers: [], keepsAlive: true });
    for (const status of [204, 304]) {
      const { end } = read([head.replace('200', String(status))]);
      t.strictSame(end, { trailers: [], keepsAlive: true }, String(status));
    }
  });

  t.test('it says whether another exchange may follow', async (t) => {
    const keepsAlive = (version: string, connection: string) =>
      read([`HTTP/${version} 200 OK\r\nContent-Length: 0\r\nConnection: ${connection}\r\n\r\n`]).end
        ?.keepsAlive;
    t.equal(keepsAlive('1.1', 'x'), true);
    t.equal(keepsAlive('1.1', 'close'), false);
    t.equal(keepsAlive('1.0', 'x'), false);
    t.equal(keepsAlive('1.0', 'keep-alive'), true);
    // Bytes that were not asked for would be taken for the response to the next request.
    t.equal(read([`${responses['a length']}HTTP/1.1 200 OK\r\n`]).end?.keepsAlive, false);
  });

  t.test('it may be an upgrade, where one was asked for', async (t) => {
    const response = 'HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nHTTP/1.1 more';
    const upgrade = read([response], { method: 'GET', upgrade: 'x' });
    t.match(upgrade, { head: { status: 101, statusText: 'Go' }, upgraded: 'HTTP/1.1 more' });
    t.match(read([response]).fault, /bad upgrade/);
    t.equal(read([response]).head, undefined);
  });

  t.test('it is refused where it is none that could be passed on', async (t) => {
    const faulty = {
      'two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na',
      'a length and chunks':
        'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na',
      'an unknown coding': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
      'another coding in a second field':
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n',
      'a status below 100': 'HTTP/1.1 099 OK\r\n\r\n',
      'a bare LF': 'HTTP/1.1 200 OK\nA: b\r\n\r\n',
      'a space before a colon': 'HTTP/1.1 200 OK\r\nA : b\r\n\r\n',
      'a NUL': 'HTTP/1.1 200 OK\r\nA: \0\r\n\r\n',
      'a chunk size with 0x': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n',
      'a head over the limit': `HTTP/1.1 200 OK\r\nA: ${'b'.repeat(MAX_HEADER_BYTES)}\r\n\r\n`,
      'a control character in its reason phrase': 'HTTP/1.1 200 O\x01K\r\n\r\n',
      'an endless reason phrase': `HTTP/1.1 200 ${'b'.repeat(MAX_HEADER_BYTES + 1)}`,
      'no HTTP': 'SSH-2.0-OpenSSH_9.2\r\n',
    };
    for (const [what, response] of Object.entries(faulty)) {
      t.type(read([response]).fault, 'string', what);
      t.equal(read([response]).end, undefined, what);
    }
  });

  t.test('it is what Node.js makes of it', async (t) => {
    let received = '';
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end(received, 'latin1'));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    t.teardown(() => server.close());
    const { port } = server.address() as AddressInfo;
    const ask = () =>
      new Promise<{ status?: number; headers: Fields; body: string } | undefined>((resolve) => {
        const request = get({ host: '127.0.0.1', port, agent: false }, (response) => {
          let body = '';
          response.setEncoding('latin1').on('data', (chunk: string) => (body += chunk));
          response.on('error', () => resolve(undefined));
          response.on('end', () =>
            resolve({ status: response.statusCode!, headers: response.rawHeaders, body }),
          );
        });
        request.on('error', () => resolve(undefined));
      });
    const garbled = fc
      .tuple(
        fc.constantFrom(...Object.values(responses)),
        fc.nat(120),
        fc.nat(2),
        fc.constantFrom('', '\r', '\n', ' ', ':', '0', 'a', '\0', '\u00e9', '\r\n', '\r\n\r\n'),
      )
      .map(([text, at, length, by]) => text.slice(0, at) + by + text.slice(at + length));
    await fc.assert(
      fc.asyncProperty(garbled, async (text) => {
        received = text;
        const theirs = await ask();
        const { head, body, end, fault } = read([text]);
        const isOurs = end !== undefined && head !== undefined;
        const ours = isOurs ? { status: head.status, headers: head.headers, body } : undefined;
        // Either may refuse what the other lets pass: which depends on the version of Node.js.
        if (ours === undefined && theirs !== undefined)
          t.type(fault, 'string', JSON.stringify(text));
        if (ours !== undefined && theirs !== undefined)
          t.strictSame(ours, theirs, JSON.stringify(text));
      }),
      { numRuns: 300 },
    );
  });
});
