/** Frames of HTTP/2 at random, sound and unsound ones, from a seed: what a faulty or hostile peer could send. */
import type { Socket } from 'node:net';
import { encodeFields, encodeFrame, Flag, Type, uint32 } from './raw-http2.js';

export type Random = () => number;

const PRIORITY = 2;
const PADDED = 0x8;
const WITH_PRIORITY = 0x20;

const below = (random: Random, end: number) => Math.floor(random() * end);

function pick<T>(random: Random, weighted: readonly (readonly [weight: number, value: T])[]): T {
  let at = random() * weighted.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, value] of weighted) {
    at -= weight;
    if (at < 0) return value;
  }
  return weighted.at(-1)![1];
}

const randomBytes = (random: Random, length: number) =>
  Buffer.from(Array.from({ length }, () => below(random, 256)));

/** RFC 9113, section 6.5.2: one of the settings, with a value that is usual, extreme or wrong. */
function settings(random: Random): Buffer {
  const count = below(random, 4);
  const payload = Buffer.alloc(count * 6);
  for (let i = 0; i < count; i++) {
    const id = below(random, 10);
    const value = pick(random, [
      [3, below(random, 200)],
      [2, 65_535],
      [1, 0],
      [1, 2 ** 31 - 1],
      [1, 2 ** 32 - 1],
      [2, 16_384],
    ]);
    payload.writeUInt16BE(id, i * 6);
    payload.writeUInt32BE(value, i * 6 + 2);
  }
  return encodeFrame(Type.settings, 0, 0, payload);
}

type Make = (random: Random, stream: number) => Buffer;

/** Without heads, which are not alike for requests and responses. */
const frames: readonly (readonly [weight: number, make: Make])[] = [
  [
    10,
    (random, stream) =>
      encodeFrame(
        Type.data,
        random() < 0.3 ? Flag.endStream : 0,
        stream,
        Buffer.alloc(
          pick(random, [
            [4, below(random, 100)],
            [1, 0],
            [2, below(random, 16_384)],
          ]),
        ),
      ),
  ],
  [2, (random, stream) => encodeFrame(Type.data, PADDED, stream, randomBytes(random, 20))],
  [4, (random, stream) => encodeFrame(Type.rst, 0, stream, uint32(below(random, 15)))],
  [
    4,
    (random, stream) =>
      encodeFrame(
        Type.windowUpdate,
        0,
        random() < 0.5 ? stream : 0,
        uint32(
          pick(random, [
            [8, 1 + below(random, 70_000)],
            [1, 0],
            [1, 2 ** 31 - 1],
          ]),
        ),
      ),
  ],
  [
    3,
    (random, stream) =>
      encodeFrame(
        PRIORITY,
        0,
        stream,
        Buffer.concat([uint32(below(random, 2) * stream), Buffer.from([16])]),
      ),
  ],
  [3, (random) => encodeFrame(Type.ping, below(random, 2), 0, randomBytes(random, 8))],
  [3, settings],
  [2, () => encodeFrame(Type.settings, Flag.ack, 0)],
  [
    1,
    (random, stream) =>
      encodeFrame(
        Type.goaway,
        0,
        0,
        Buffer.concat([uint32(random() < 0.5 ? stream : 2 ** 31 - 1, below(random, 14))]),
      ),
  ],
  [
    1,
    (random, stream) =>
      encodeFrame(Type.continuation, below(random, 2) * 4, stream, encodeFields({ 'x-c': '1' })),
  ],
  [
    1,
    (random, stream) =>
      encodeFrame(
        Type.pushPromise,
        Flag.endHeaders,
        stream,
        Buffer.concat([uint32(2 + 2 * below(random, 9)), encodeFields({ ':method': 'GET' })]),
      ),
  ],
  // RFC 9113, section 5.5: types that are not known are ignored.
  [1, (random, stream) => encodeFrame(0x20, below(random, 256), stream, randomBytes(random, 9))],
  [
    1,
    (random, stream) =>
      encodeFrame(
        below(random, 10),
        below(random, 256),
        stream,
        randomBytes(random, below(random, 30)),
      ),
  ],
];

/** Any frame but a head. */
export const anyFrame = (random: Random, stream: number): Buffer =>
  pick(random, frames)(random, stream);

/** HEADERS, in one of the ways in which it can be written, or wrong. */
function head(random: Random, stream: number, fields: Buffer, isLast: boolean): Buffer {
  const end = isLast ? Flag.endStream : 0;
  return pick<() => Buffer>(random, [
    [12, () => encodeFrame(Type.headers, Flag.endHeaders | end, stream, fields)],
    [
      2,
      () => {
        const cut = below(random, fields.length);
        return Buffer.concat([
          encodeFrame(Type.headers, end, stream, fields.subarray(0, cut)),
          encodeFrame(Type.continuation, Flag.endHeaders, stream, fields.subarray(cut)),
        ]);
      },
    ],
    [
      1,
      () =>
        encodeFrame(
          Type.headers,
          Flag.endHeaders | PADDED | WITH_PRIORITY | end,
          stream,
          Buffer.concat([Buffer.from([3]), uint32(0), Buffer.from([1]), fields, Buffer.alloc(3)]),
        ),
    ],
    // A block that does not end, and one that is no HPACK.
    [1, () => encodeFrame(Type.headers, end, stream, fields)],
    [1, () => encodeFrame(Type.headers, Flag.endHeaders | end, stream, randomBytes(random, 12))],
  ])();
}

export function requestHead(random: Random, stream: number): Buffer {
  const isGrpc = random() < 0.4;
  const fields = encodeFields({
    ':method': isGrpc
      ? 'POST'
      : pick(random, [
          [3, 'GET'],
          [3, 'POST'],
          [1, 'HEAD'],
          [1, 'get'],
        ]),
    ':scheme': 'http',
    ':path': '/shop.Cart/Get',
    ':authority': 'shop.example',
    ...(isGrpc ? { 'content-type': 'application/grpc', te: 'trailers' } : {}),
    ...(isGrpc && random() < 0.3 ? { 'grpc-timeout': `${below(random, 300)}m` } : {}),
    ...(random() < 0.1 ? { 'content-length': String(below(random, 200)) } : {}),
    ...(random() < 0.05 ? { expect: '100-continue' } : {}),
    ...(random() < 0.05 ? { 'x-long': 'a'.repeat(40_000) } : {}),
  });
  return head(random, stream, fields, random() < 0.5);
}

export function responseHead(random: Random, stream: number): Buffer {
  const fields = encodeFields({
    ':status': pick(random, [
      [8, '200'],
      [1, '503'],
      [1, '103'],
      [1, '404'],
      [1, '99'],
      [1, 'x'],
    ]),
    'content-type': random() < 0.5 ? 'application/grpc' : 'text/plain',
    ...(random() < 0.3 ? { 'grpc-status': String(below(random, 20)) } : {}),
    ...(random() < 0.1 ? { 'content-length': String(below(random, 200)) } : {}),
    ...(random() < 0.05 ? { 'x-long': 'a'.repeat(40_000) } : {}),
  });
  return head(random, stream, fields, random() < 0.3);
}

export function trailers(random: Random, stream: number): Buffer {
  return head(random, stream, encodeFields({ 'grpc-status': '0' }), random() < 0.9);
}

/** Writes in pieces that frames know nothing of; sometimes not all of it. */
export function writeCut(socket: Socket, bytes: Buffer, random: Random): void {
  const cut = random() < 0.3 ? below(random, bytes.length) : bytes.length;
  if (socket.destroyed || socket.writableEnded) return;
  socket.write(bytes.subarray(0, cut));
  if (cut < bytes.length && random() < 0.9) setImmediate(() => writeRest(socket, bytes, cut));
}

function writeRest(socket: Socket, bytes: Buffer, from: number): void {
  if (!socket.destroyed && !socket.writableEnded) socket.write(bytes.subarray(from));
}

/** One of the ways in which a peer leaves. */
export function leave(socket: Socket, random: Random): void {
  pick<() => void>(random, [
    [2, () => void socket.end()],
    [1, () => void socket.destroy()],
    [1, () => void socket.resetAndDestroy()],
  ])();
}
