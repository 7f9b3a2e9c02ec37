/** A health check by grpc.health.v1: one `Check` over a connection of its own. */
import { connect, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { isGrpcType } from '../../http/grpc.js';
import { isOwnShortage } from '../../outbound/shortage.js';
import { decodeResponse, encodeRequest } from './grpc-messages.js';
import { openSocket, type Opening, type SocketOptions } from './grpc-socket.js';
import type { Probe } from './health-checks.js';
import { USER_AGENT } from './http-probe.js';

export interface GrpcProbeOptions extends SocketOptions {
  /** Empty for the server as a whole. */
  readonly service: string;
  /** The host of the target, and its port where it is not the default. */
  readonly authority: string;
}

/** A response is a few bytes long; more than this, in bytes, is not read. */
const LONGEST_RESPONSE = 4096;

/** More characters of a message are not passed on. */
const LONGEST_MESSAGE = 200;

/** The codes that servers commonly send, by name. */
const codeNames: Readonly<Record<string, string>> = {
  '2': 'UNKNOWN',
  '4': 'DEADLINE_EXCEEDED',
  '5': 'NOT_FOUND',
  '7': 'PERMISSION_DENIED',
  '8': 'RESOURCE_EXHAUSTED',
  '12': 'UNIMPLEMENTED',
  '13': 'INTERNAL',
  '14': 'UNAVAILABLE',
  '16': 'UNAUTHENTICATED',
};

type Headers = Readonly<Record<string, string | string[] | number | undefined>>;

export function createGrpcProbe(options: GrpcProbeOptions): Probe {
  return (address, done) => new GrpcCheck(address, options, done);
}

class GrpcCheck {
  readonly #options: GrpcProbeOptions;
  readonly #done: Parameters<Probe>[1];
  /** Undefined where it failed at once. */
  readonly #opening: Opening | undefined;
  #session: ClientHttp2Session | undefined;
  #isOver = false;
  readonly #chunks: Buffer[] = [];
  #length = 0;
  /** Where `grpc-status` stands: in the trailers, or in the head of a response without a message. */
  #trailers: Headers = {};

  constructor(address: string, options: GrpcProbeOptions, done: Parameters<Probe>[1]) {
    this.#options = options;
    this.#done = done;
    this.#opening = openSocket(address, options, (error, socket) => {
      if (error === undefined) this.#ask(socket);
      else this.#onError(error);
    });
  }

  cancel(): void {
    this.#isOver = true;
    if (this.#session === undefined) this.#opening?.destroy();
    else this.#session.destroy();
  }

  #ask(socket: Socket): void {
    const { target, authority, service } = this.#options;
    this.#session = connect(`${target.protocol}//${authority}`, {
      createConnection: () => socket,
      settings: { enablePush: false },
    });
    this.#session.on('error', this.#onError);
    this.#session.on('close', () => this.#finish('it closed the connection'));
    const stream = this.#session.request({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      te: 'trailers',
      'user-agent': USER_AGENT,
    });
    this.#listen(stream);
    stream.end(encodeRequest(service));
  }

  #listen(stream: ClientHttp2Stream): void {
    stream.on('error', this.#onError);
    stream.on('response', (headers) => this.#onHead(headers));
    stream.on('trailers', (headers: Headers) => {
      this.#trailers = headers;
    });
    stream.on('data', (chunk: Buffer) => {
      this.#length += chunk.length;
      if (this.#length > LONGEST_RESPONSE)
        this.#finish('its response is not one of grpc.health.v1');
      else this.#chunks.push(chunk);
    });
    // Trailers may be told before the message, and after the end.
    stream.on('close', () => this.#judge());
  }

  #onHead(headers: Headers): void {
    const status = Number(headers[':status']);
    if (status !== 200) {
      this.#finish(`it responded with status ${status}`);
    } else if (!isGrpcType(String(headers['content-type']))) {
      this.#finish('its response is not gRPC');
    } else {
      this.#trailers = headers;
    }
  }

  #judge(): void {
    const code = this.#trailers['grpc-status'];
    if (code === undefined) return this.#finish('its response ended without grpc-status');
    if (code !== '0') return this.#finish(this.#describeCode(String(code)));
    const status = decodeResponse(Buffer.concat(this.#chunks));
    if (status === undefined) this.#finish('its response is not one of grpc.health.v1');
    else this.#finish(status === 'SERVING' ? undefined : `it is ${status}`);
  }

  #describeCode(code: string): string {
    const name = codeNames[code];
    const message = decodeMessage(String(this.#trailers['grpc-message'] ?? ''));
    const what = `it responded with grpc-status ${code}${name === undefined ? '' : ` (${name})`}`;
    return message === '' ? what : `${what}: ${message}`;
  }

  readonly #onError = (error: Error): void => {
    this.#finish(error.message, isOwnShortage(error));
  };

  #finish(error: string | undefined, isNeutral = false): void {
    if (this.#isOver) return;
    this.cancel();
    this.#done(error, isNeutral);
  }
}

/** It is percent-encoded UTF-8; what is not is taken as it is. */
function decodeMessage(encoded: string): string {
  const short = encoded.slice(0, LONGEST_MESSAGE);
  try {
    return decodeURIComponent(short);
  } catch {
    return short;
  }
}
