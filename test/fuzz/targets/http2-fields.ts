/** Where HTTP/2 meets the rest of the program: the first bytes of a connection, fields in both directions, and the messages of gRPC. */
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { GrpcFraming } from '../../../src/http/grpc-framing.js';
import { isNamed } from '../../../src/http/fields.js';
import { readFields, writeHead, writeTrailers } from '../../../src/inbound/http2/fields.js';
import { findFault } from '../../../src/inbound/http2/request-check.js';
import { FirstBytes } from '../../../src/inbound/port/first-bytes.js';
import { isHost } from '../../../src/inbound/target.js';
import { FakeClock } from '../../support/fake-clock.js';
import type { Target } from '../target.js';

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

/** The part of a socket that the first bytes need. */
class Connection extends EventEmitter {
  readonly unshifted: Buffer[] = [];
  read(): void {}
  pause(): void {}
  destroy(): void {}
  unshift(bytes: Buffer): void {
    this.unshifted.push(bytes);
  }
}

/** @returns the protocol, and all bytes that its side gets. */
function classify(pieces: readonly Buffer[]): { protocol: string; bytes: string } {
  let protocol = 'unknown';
  const got: Buffer[] = [];
  const connection = new Connection();
  const first = new FirstBytes({
    clock: new FakeClock(),
    onHttp1(socket) {
      protocol = 'http1';
      socket.on('data', (chunk: Buffer) => got.push(chunk));
    },
    onHttp2(socket) {
      protocol = 'http2';
      got.push(...connection.unshifted);
      socket.on('data', (chunk: Buffer) => got.push(chunk));
    },
    onLate: () => {},
  });
  first.await(connection as EventEmitter as Socket);
  for (const piece of pieces) if (piece.length > 0) connection.emit('data', piece);
  return { protocol, bytes: Buffer.concat(got).toString('latin1') };
}

function checkFirstBytes(bytes: Buffer, size: number): void {
  const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    bytes.subarray(i * size, (i + 1) * size),
  );
  const { protocol, bytes: got } = classify(pieces);
  const text = bytes.toString('latin1');
  const expected = text.startsWith(PREFACE)
    ? 'http2'
    : text === '' || PREFACE.startsWith(text)
      ? 'unknown'
      : 'http1';
  assert.equal(protocol, expected);
  assert.equal(got, expected === 'unknown' ? '' : text, 'nothing is lost, nothing comes twice');
}

/** Where a message ends, read by jumps instead of byte by byte. */
function isBetweenMessages(body: Buffer): boolean {
  let at = 0;
  while (at + 5 <= body.length) at += 5 + body.readUInt32BE(at + 1);
  return at === body.length;
}

function checkFraming(body: Buffer, size: number): void {
  const framing = new GrpcFraming();
  for (let at = 0; at < body.length; at += size) {
    framing.follow(body.subarray(at, at + size));
    assert.equal(framing.isBetween, isBetweenMessages(body.subarray(0, at + size)));
  }
}

/** Lines of `name: value` as node:http2 hands fields on: names are in lower case. */
function fieldsIn(text: string): string[] {
  return text.split('\n').flatMap((line) => {
    const colon = line.indexOf(':', 1);
    return colon === -1 ? [] : [line.slice(0, colon).toLowerCase(), line.slice(colon + 1)];
  });
}

const valuesOf = (fields: readonly string[], name: string) =>
  fields.filter((_, i) => i % 2 === 1 && fields[i - 1] === name);

function checkRequest(raw: readonly string[]): void {
  const { pseudo, fields } = readFields(raw);
  assert.ok(fields.every((name, i) => i % 2 === 1 || !name.startsWith(':')));
  const names = new Set(raw.filter((name, i) => i % 2 === 0 && !name.startsWith(':')));
  for (const name of names) {
    const values = valuesOf(raw, name);
    // RFC 9113, section 8.2.3.
    const expected = name === 'cookie' ? [values.join('; ')] : values;
    assert.deepEqual(valuesOf(fields, name), expected, name);
  }
  if (findFault(pseudo, fields) !== undefined) return;
  const { method, path, authority } = pseudo;
  assert.ok(path.startsWith('/') || (path === '*' && method === 'OPTIONS'));
  assert.ok(!path.includes('#') && method !== 'CONNECT');
  const hosts = [authority, ...valuesOf(fields, 'host')].filter((host) => host !== undefined);
  assert.ok(hosts.length > 0 && isHost(hosts[0]!));
}

const OF_CONNECTION = ['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'te'];

/** RFC 9110, section 5.5. */
const sound = (name: string, value: string) =>
  /^[\w!#$%&'*+.^`|~-]+$/.test(name) && /^[\t\x20-\x7e\x80-\xff]*$/.test(value);

/** Of an object, or of a list, as newer versions of Node take it. */
const entriesOf = (written: object): [string, unknown][] =>
  Array.isArray(written)
    ? (written as string[]).flatMap((name, i) =>
        i % 2 === 0 ? [[name, (written as string[])[i + 1]] as [string, unknown]] : [],
      )
    : (Object.entries(written) as [string, unknown][]);

function checkResponse(fields: readonly string[]): void {
  const pairs = fields.flatMap((name, i) => (i % 2 === 0 ? [[name, fields[i + 1]!] as const] : []));
  const passes = pairs.filter(([name]) => !OF_CONNECTION.some((other) => isNamed(name, other)));
  let head: object | undefined;
  try {
    head = writeHead(200, fields);
  } catch (error) {
    assert.match((error as Error).message, /^the (?:name|value) of field .* is malformed$/s);
  }
  if (head !== undefined) assert.ok(passes.every(([name, value]) => sound(name, value)));
  for (const written of [head ?? {}, writeTrailers(fields)]) {
    for (const [name, value] of entriesOf(written)) {
      if (name === ':status') continue;
      assert.equal(name, name.toLowerCase());
      for (const each of Array.isArray(value) ? (value as string[]) : [String(value)]) {
        assert.ok(sound(name, each), `${name}: ${each}`);
        assert.ok(passes.some(([of, text]) => of.toLowerCase() === name && text === each));
      }
    }
  }
}

export const http2Fields: Target = {
  name: 'http2-fields',
  property:
    'The protocol of a connection is told by its first bytes however they are cut, and no byte is lost; fields keep their values and order, but for the pieces of a cookie; what is malformed or of one connection is not written; the end of a message of gRPC is found however a body is cut.',
  seeds: [
    `\x03${PREFACE}rest`,
    '\x05GET / HTTP/1.1\r\n\r\n',
    '\x01PRI * HTTP/1.1\r\n\r\n',
    '\x02:method:GET\n:path:/a\n:authority:a.example\ncookie:a=1\nx-y:1\ncookie:b=2\nx-y:2',
    '\x02:method:OPTIONS\n:path:*\nhost:a\nTransfer-Encoding:chunked\nage:1\nage:2',
    '\x04\0\0\0\0\x03abc\0\0\0\0\0\x01\0\0\0\x01z',
  ],
  words: [
    PREFACE,
    'PRI',
    ':method:',
    ':path:',
    ':authority:',
    'host:',
    'cookie:',
    'te:trailers',
    'connection:',
    'upgrade:',
    'set-cookie:',
    'content-length:',
    'retry-after:',
    '__proto__:',
    'constructor:',
    '\n',
    '/',
    '*',
    '#',
    'CONNECT',
    '\0',
    '\r',
    '\x7f',
    '\0\0\0\0\x01',
    '\0\0\0\x01\0',
    '\xff\xff\xff\xff',
  ],
  longest: 600,
  check(input) {
    const size = 1 + ((input[0] ?? 0) % 23);
    const bytes = input.subarray(1);
    checkFirstBytes(bytes, size);
    checkFraming(bytes, size);
    const fields = fieldsIn(bytes.toString('latin1'));
    checkRequest(fields);
    checkResponse(fields);
  },
};
