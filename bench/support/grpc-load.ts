/**
 * The load generator for gRPC: unary calls over one connection, as many at a time as there are streams, in a closed loop.
 * Prints what it saw as JSON.
 *
 *   node grpc-load.js JSON
 */
import { connect, type ClientHttp2Session } from 'node:http2';
import { GRPC_PATH, REQUEST, REQUEST_FIELDS, RESPONSE } from './grpc.js';
import type { Saturation } from './wrk.js';

export interface GrpcLoadOptions {
  readonly port: number;
  /** At a time. */
  readonly streams: number;
  readonly seconds: number;
  /** Calls after which it stops; undefined for none but the time. */
  readonly calls: number | undefined;
}

const { port, streams, seconds, calls } = JSON.parse(process.argv[2]!) as GrpcLoadOptions;

const headers = {
  ':method': 'POST',
  ':path': GRPC_PATH,
  ':authority': `127.0.0.1:${port}`,
  ...REQUEST_FIELDS,
};

let responses = 0;
let refused = 0;
let broken = 0;
let begun = 0;
let isOver = false;

function call(session: ClientHttp2Session): void {
  if (begun === calls) return;
  begun += 1;
  const stream = session.request(headers);
  let bytes = 0;
  let status: unknown;
  stream.on('response', (head) => (status = head['grpc-status']));
  stream.on('trailers', (trailers) => (status = trailers['grpc-status']));
  stream.on('data', (chunk: Buffer) => (bytes += chunk.length));
  stream.on('error', () => {});
  stream.on('close', () => {
    if (isOver) return;
    if (status === undefined) broken += 1;
    else {
      responses += 1;
      if (status !== '0' || bytes !== RESPONSE.length) refused += 1;
    }
    if (responses + broken === calls) finish();
    else if (!session.destroyed) call(session);
  });
  stream.end(REQUEST);
}

const cpuBefore = process.cpuUsage();
const startedMs = performance.now();
const session = connect(`http://127.0.0.1:${port}`);
session.on('error', () => finish());
for (let i = 0; i < streams; i++) call(session);
setTimeout(finish, seconds * 1000);

function finish(): void {
  if (isOver) return;
  isOver = true;
  const elapsed = (performance.now() - startedMs) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  const report: Saturation = {
    requests: responses,
    refused,
    broken,
    perSecond: responses / elapsed,
    generatorShare: (user + system) / 1e6 / elapsed,
  };
  process.stdout.write(JSON.stringify(report), () => process.exit(0));
}
