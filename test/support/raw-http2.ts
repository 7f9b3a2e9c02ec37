/** An HTTP/2 peer that sends exactly the frames that a test says, and keeps those that it gets (RFC 9113). */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { eventually, type Teardown } from './sidecar.js';

export const Type = {
  data: 0,
  headers: 1,
  rst: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const Flag = { endStream: 1, ack: 1, endHeaders: 4 } as const;

export const Code = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  refusedStream: 7,
  cancel: 8,
  enhanceYourCalm: 11,
} as const;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

const HEAD_BYTES = 9;

export function encodeFrame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export function uint32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, i * 4);
  return bytes;
}

/** An integer with a prefix of seven bits (RFC 7541, section 5.1). */
function length(value: number): number[] {
  if (value < 127) return [value];
  const bytes = [127];
  let rest = value - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return [...bytes, rest];
}

/** Without the table and without Huffman codes (RFC 7541, section 6.2.2). */
export function encodeFields(fields: Readonly<Record<string, string>>): Buffer {
  const parts = Object.entries(fields).map(([name, value]) =>
    Buffer.concat([
      Buffer.from([0, ...length(name.length)]),
      Buffer.from(name, 'latin1'),
      Buffer.from(length(value.length)),
      Buffer.from(value, 'latin1'),
    ]),
  );
  return Buffer.concat(parts);
}

/** HEADERS of a response, or with `END_STREAM` of trailers. */
export const headersFrame = (
  stream: number,
  fields: Readonly<Record<string, string>>,
  flags = 0,
): Buffer => encodeFrame(Type.headers, Flag.endHeaders | flags, stream, encodeFields(fields));

export const dataFrame = (stream: number, text: string, flags = 0): Buffer =>
  encodeFrame(Type.data, flags, stream, Buffer.from(text));

export const rstFrame = (stream: number, code: number): Buffer =>
  encodeFrame(Type.rst, 0, stream, uint32(code));

export const goawayFrame = (lastStream: number, code: number): Buffer =>
  encodeFrame(Type.goaway, 0, 0, uint32(lastStream, code));

const MAX_CONCURRENT_STREAMS = 3;

/** @param maxStreams undefined to say nothing of it. */
export function settingsFrame(maxStreams?: number): Buffer {
  if (maxStreams === undefined) return encodeFrame(Type.settings, 0, 0);
  const payload = Buffer.alloc(6);
  payload.writeUInt16BE(MAX_CONCURRENT_STREAMS, 0);
  payload.writeUInt32BE(maxStreams, 2);
  return encodeFrame(Type.settings, 0, 0, payload);
}

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

export class RawPeer {
  readonly socket: Socket;
  /** All that have come, in order. */
  readonly frames: Frame[] = [];
  isClosed = false;
  #bytes = Buffer.alloc(0);
  #hasPreface = false;
  readonly #onFrame: (frame: Frame, peer: RawPeer) => void;

  constructor(socket: Socket, onFrame: (frame: Frame, peer: RawPeer) => void) {
    this.socket = socket;
    this.#onFrame = onFrame;
    socket.on('error', () => {});
    socket.on('close', () => (this.isClosed = true));
    socket.on('data', (bytes: Buffer) => this.#read(bytes));
  }

  /** All in one write. */
  send(...frames: readonly Buffer[]): void {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(frames));
  }

  /** Those of that type and stream, or of any stream. */
  of(type: number, stream?: number): Frame[] {
    return this.frames.filter(
      (frame) => frame.type === type && (stream === undefined || frame.stream === stream),
    );
  }

  /** The codes of the resets of that stream. */
  resets(stream: number): number[] {
    return this.of(Type.rst, stream).map(({ payload }) => payload.readUInt32BE(0));
  }

  /** Resolves when so many requests have come on this connection. */
  async requests(count: number): Promise<void> {
    await eventually(`${count} requests have come`, () => this.of(Type.headers).length >= count);
  }

  #read(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    if (!this.#hasPreface) {
      if (this.#bytes.length < PREFACE.length) return;
      this.#hasPreface = true;
      this.#bytes = this.#bytes.subarray(PREFACE.length);
    }
    while (this.#bytes.length >= HEAD_BYTES) {
      const end = HEAD_BYTES + this.#bytes.readUIntBE(0, 3);
      if (this.#bytes.length < end) return;
      const frame = {
        type: this.#bytes[3]!,
        flags: this.#bytes[4]!,
        stream: this.#bytes.readUInt32BE(5),
        payload: Buffer.from(this.#bytes.subarray(HEAD_BYTES, end)),
      };
      this.#bytes = this.#bytes.subarray(end);
      this.frames.push(frame);
      this.#onFrame(frame, this);
    }
  }
}

export interface RawHttp2Options {
  /** What is sent first. Default: SETTINGS without a limit of streams. */
  readonly first?: Buffer;
  /** Each frame of each connection. SETTINGS and PING are acknowledged, and a GOAWAY with an error closes, unless it returns true. */
  onFrame?(frame: Frame, peer: RawPeer): boolean | void;
}

export interface RawHttp2 {
  readonly port: number;
  /** One per connection, in order. */
  readonly peers: RawPeer[];
}

export async function startRawHttp2(t: Teardown, options: RawHttp2Options = {}): Promise<RawHttp2> {
  const peers: RawPeer[] = [];
  const server = createServer((socket) => {
    const peer = new RawPeer(socket, (frame) => {
      if (options.onFrame?.(frame, peer) === true || (frame.flags & Flag.ack) !== 0) return;
      if (frame.type === Type.goaway && frame.payload.readUInt32BE(4) !== Code.noError) {
        peer.socket.end();
      }
      if (frame.type === Type.settings) peer.send(encodeFrame(Type.settings, Flag.ack, 0));
      if (frame.type === Type.ping) {
        peer.send(encodeFrame(Type.ping, Flag.ack, 0, frame.payload));
      }
    });
    peers.push(peer);
    peer.send(options.first ?? settingsFrame());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => {
    for (const { socket } of peers) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, peers };
}
