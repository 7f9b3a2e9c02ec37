/** The upstream of the chaos: checks what it is sent, responds with checked bodies, and counts. */
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Teardown } from '../support/sidecar.js';
import { HASH_FIELD, hashOf, makeBody } from './bodies.js';

export interface Execution {
  /** Of the client's request. */
  readonly id: string;
  readonly key: string;
  /** Success of the key had been told by then, to a request that had ended before this one began. */
  readonly isForbidden: boolean;
}

export interface Upstream {
  readonly port: number;
  /** How many attempts of each request arrived, by its id. */
  readonly seen: Map<string, number>;
  /** Ids of requests whose body was complete but not what was sent. */
  readonly wrong: string[];
  /** Bodies that were cut, and seen as cut. */
  readonly cut: () => number;
  readonly executions: readonly Execution[];
}

/** The trace id that its client chose. */
const idOf = ({ headers }: IncomingMessage) => String(headers['traceparent']).split('-')[1] ?? '';

/** Responses that are no success: the sidecar repeats some of them. */
const BUSY_SHARE = 0.05;

export async function startUpstream(
  t: Teardown,
  random: () => number,
  isForbidden: (id: string, key: string) => boolean,
): Promise<Upstream> {
  const seen = new Map<string, number>();
  const wrong: string[] = [];
  const executions: Execution[] = [];
  let cut = 0;

  const respond = (id: string, request: IncomingMessage, response: ServerResponse) => {
    const key = request.headers['idempotency-key'];
    if (random() < BUSY_SHARE) {
      return void response.writeHead(503, { 'content-length': 4 }).end('busy');
    }
    if (key !== undefined) {
      const name = String(key);
      executions.push({ id, key: name, isForbidden: isForbidden(id, name) });
    }
    const body = makeBody(random);
    const length = random() < 0.5 ? { 'content-length': body.length } : {};
    response.writeHead(key === undefined ? 200 : 201, { [HASH_FIELD]: hashOf(body), ...length });
    // In two parts, so that a response can break in the middle.
    response.write(body.subarray(0, body.length >> 1));
    setTimeout(() => response.end(body.subarray(body.length >> 1)), random() * 20);
  };

  const server = http.createServer((request, response) => {
    const id = idOf(request);
    seen.set(id, (seen.get(id) ?? 0) + 1);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => {});
    request.on('close', () => {
      if (!request.complete) cut += 1;
    });
    request.on('end', () => {
      const expected = request.headers[HASH_FIELD];
      if (hashOf(Buffer.concat(chunks)) !== expected) wrong.push(id);
      respond(id, request, response);
    });
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, seen, wrong, cut: () => cut, executions };
}
