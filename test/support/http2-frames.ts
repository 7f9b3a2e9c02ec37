/** A client of HTTP/2 that sends any frames, in any order, and keeps those that come. */
import net, { type Socket } from 'node:net';
import { eventually } from './sidecar.js';

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/** RFC 9113, section 6. */
const types = [
  'DATA',
  'HEADERS',
  'PRIORITY',
  'RST_STREAM',
  'SETTINGS',
  'PUSH_PROMISE',
  'PING',
  'GOAWAY',
  'WINDOW_UPDATE',
  'CONTINUATION',
] as const;

export type FrameType = (typeof types)[number];

export const END_STREAM = 0x1;
export const END_HEADERS = 0x4;
const ACK = 0x1;

export const MAX_CONCURRENT_STREAMS = 3;
export const INITIAL_WINDOW_SIZE = 4;
export const MAX_HEADER_LIST_SIZE = 6;

export interface Frame {
  readonly type: FrameType;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

export function frame(
  type: FrameType,
  streamId: number,
  flags = 0,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = types.indexOf(type);
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
}

const uint32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

/** A string of HPACK without Huffman coding (RFC 7541, section 5.2). */
function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  const length: number[] = [];
  let rest = bytes.length;
  if (rest < 127) length.push(rest);
  else {
    length.push(127);
    for (rest -= 127; rest >= 128; rest = Math.floor(rest / 128)) length.push((rest % 128) + 128);
    length.push(rest);
  }
  return Buffer.concat([Buffer.from(length), bytes]);
}

type Pairs = readonly (readonly [name: string, value: string])[];

/** A block of fields, each of them in full (RFC 7541, section 6.2.2). */
export const block = (fields: Pairs) =>
  Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));

/** The fields of a sound request. */
export const requestFields = (method = 'GET', extra: Pairs = [], path = '/'): Pairs => [
  [':method', method],
  [':scheme', 'http'],
  [':path', path],
  [':authority', 'shop.example'],
  ...extra,
];

/** HEADERS of a request; without `END_STREAM` a body follows. */
export const request = (
  streamId: number,
  {
    method,
    extra,
    path,
    flags = END_STREAM,
  }: {
    method?: string;
    extra?: Pairs;
    path?: string;
    flags?: number;
  } = {},
) => frame('HEADERS', streamId, flags | END_HEADERS, block(requestFields(method, extra, path)));

export const data = (streamId: number, bytes: string | Buffer, flags = 0) =>
  frame('DATA', streamId, flags, Buffer.from(bytes as string));

export const reset = (streamId: number, code: number) =>
  frame('RST_STREAM', streamId, 0, uint32(code));

export const ping = () => frame('PING', 0, 0, Buffer.alloc(8));

export const windowUpdate = (streamId: number, bytes: number) =>
  frame('WINDOW_UPDATE', streamId, 0, uint32(bytes));

export const settings = (...pairs: readonly (readonly [id: number, value: number])[]) =>
  frame(
    'SETTINGS',
    0,
    0,
    Buffer.concat(pairs.map(([id, value]) => Buffer.concat([Buffer.from([0, id]), uint32(value)]))),
  );

/** The error code of RST_STREAM or GOAWAY. */
export const codeOf = ({ type, payload }: Frame) => payload.readUInt32BE(type === 'GOAWAY' ? 4 : 0);

export class FrameClient {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  isClosed = false;
  #rest = Buffer.alloc(0);
  #acknowledges: boolean;

  /** Sends the preface and `first`. */
  constructor(
    port: number,
    { first = settings(), acknowledges = true }: { first?: Buffer; acknowledges?: boolean } = {},
  ) {
    this.#acknowledges = acknowledges;
    this.socket = net.connect(port, '127.0.0.1');
    this.socket.on('error', () => {});
    this.socket.on('close', () => (this.isClosed = true));
    this.socket.on('data', (chunk: Buffer) => this.#read(chunk));
    this.socket.write(Buffer.concat([PREFACE, first]));
  }

  /** In one packet. */
  send(...frames: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(frames));
  }

  /** Those of one stream, or of the connection, without SETTINGS. */
  of(streamId: number): Frame[] {
    return this.frames.filter((each) => each.streamId === streamId && each.type !== 'SETTINGS');
  }

  /** As `TYPE:flags`, in order. */
  shape(streamId: number): string {
    return this.of(streamId)
      .map(({ type, flags }) => `${type}:${flags}`)
      .join(' ');
  }

  /** Waits until a frame has come. */
  async until(type: FrameType, streamId: number, count = 1): Promise<Frame> {
    const find = () => this.of(streamId).filter((each) => each.type === type);
    await eventually(`${type} of ${streamId}`, () => find().length >= count);
    return find()[count - 1]!;
  }

  /** Waits until the server has read all that was sent so far. */
  async roundTrip(): Promise<void> {
    const count = this.of(0).filter(({ type }) => type === 'PING').length;
    this.send(ping());
    await this.until('PING', 0, count + 1);
  }

  async untilSettled(): Promise<Frame> {
    await eventually('SETTINGS are here', () => this.frames.some(isSettings));
    // The acknowledgement of ours comes after the server has read it.
    await this.roundTrip();
    return this.frames.find(isSettings)!;
  }

  async untilClosed(): Promise<void> {
    await eventually('the connection closes', () => this.isClosed);
  }

  #read(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 9) {
      const length = this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < 9 + length) return;
      const next: Frame = {
        type: types[this.#rest[3]!]!,
        flags: this.#rest[4]!,
        streamId: this.#rest.readUInt32BE(5),
        payload: this.#rest.subarray(9, 9 + length),
      };
      this.#rest = this.#rest.subarray(9 + length);
      this.frames.push(next);
      if (this.#acknowledges && isSettings(next)) this.send(frame('SETTINGS', 0, ACK));
    }
  }
}

const isSettings = ({ type, flags }: Frame) => type === 'SETTINGS' && flags === 0;

/** The value of a setting. */
export function settingOf({ payload }: Frame, id: number): number | undefined {
  for (let at = 0; at < payload.length; at += 6) {
    if (payload.readUInt16BE(at) === id) return payload.readUInt32BE(at + 2);
  }
  return undefined;
}
