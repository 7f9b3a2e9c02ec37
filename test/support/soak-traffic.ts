/** Calls of a soak, at random from a seed: HTTP/1.1 and gRPC, with bodies, deadlines, keys, and clients that leave. */
import http from 'node:http';
import { connect, type ClientHttp2Session } from 'node:http2';
import { message, SentCall, type ServedCall } from './grpc.js';

type Random = () => number;

/** What one client call came to, as the client saw it. */
export type End = 'responded' | 'broken' | 'left';

export type Ends = Record<End, number>;

/** Far beyond `timeout.total`, on a machine that is busy too. */
const LIMIT_MS = 60_000;

/** @throws Error that names the call where it has no end. */
export async function withEnd(name: string, call: Promise<End>): Promise<End> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`Cannot go on because a call has no end after ${LIMIT_MS} ms: ${name}`));
    }, LIMIT_MS);
  });
  try {
    return await Promise.race([call, late]);
  } finally {
    clearTimeout(timer);
  }
}

const TENANTS = 40;
const LONGEST_BODY = 100_000;

function fieldsOf(random: Random): http.OutgoingHttpHeaders {
  const fields: http.OutgoingHttpHeaders = { 'X-Tenant': `t${Math.floor(random() * TENANTS)}` };
  if (random() < 0.3)
    fields['X-Deadline'] = ((Date.now() + 100 + random() * 400) / 1000).toFixed(3);
  if (random() < 0.2) fields['Idempotency-Key'] = String(random());
  return fields;
}

export function callHttp(port: number, agent: http.Agent, random: Random): Promise<End> {
  return new Promise((resolve) => {
    const kind = random();
    const method = kind < 0.6 ? 'GET' : kind < 0.8 ? 'POST' : 'PUT';
    const leavesAfterMs = random() < 0.1 ? random() * 60 : undefined;
    const request = http.request({
      host: '127.0.0.1',
      port,
      path: `/soak/${Math.floor(random() * 1000)}`,
      method,
      headers: fieldsOf(random),
      agent,
    });
    let hasLeft = false;
    const end = (as: End) => resolve(hasLeft ? 'left' : as);
    request.on('response', (response) => {
      response.resume();
      response.on('end', () => end('responded'));
      response.on('error', () => end('broken'));
      response.on('close', () => end(response.complete ? 'responded' : 'broken'));
    });
    request.on('error', () => end('broken'));
    request.on('close', () => end('broken'));
    if (method === 'GET') request.end();
    else request.end(Buffer.alloc(Math.floor(random() * LONGEST_BODY), 'x'));
    if (leavesAfterMs !== undefined) {
      setTimeout(() => {
        hasLeft = true;
        request.destroy();
      }, leavesAfterMs);
    }
  });
}

/** A session that is opened again when it has ended. */
export class GrpcCaller {
  readonly #url: string;
  readonly #random: Random;
  #session: ClientHttp2Session | undefined;

  constructor(url: string, random: Random) {
    this.#url = url;
    this.#random = random;
  }

  async call(): Promise<End> {
    const random = this.#random;
    const call = new SentCall(
      this.#open().request({
        ':method': 'POST',
        ':path': '/shop.Cart/Get',
        'content-type': 'application/grpc',
        te: 'trailers',
        ...(random() < 0.3 ? { 'grpc-timeout': `${50 + Math.floor(random() * 300)}m` } : {}),
      }),
    );
    const isLeaving = random() < 0.1;
    call.stream.end(message('x'.repeat(random() * 10_000)));
    if (isLeaving) setTimeout(() => call.stream.close(8), random() * 60);
    await call.end();
    if (call.status !== undefined) return 'responded';
    return isLeaving ? 'left' : 'broken';
  }

  close(): void {
    this.#session?.destroy();
    this.#session = undefined;
  }

  #open(): ClientHttp2Session {
    if (this.#session === undefined || this.#session.closed || this.#session.destroyed) {
      this.#session = connect(this.#url);
      this.#session.on('error', () => {});
    }
    return this.#session;
  }
}

/** What a gRPC server does with a call: responds, refuses, hangs, resets, breaks off or leaves. */
export function serveGrpc(call: ServedCall, random: Random): void {
  const kind = random();
  if (call.stream.destroyed) return;
  if (kind < 0.6) call.respond('hello');
  else if (kind < 0.7) call.refuse(14);
  else if (kind < 0.75) call.refuse(5);
  else if (kind < 0.8) call.stream.close(2);
  else if (kind < 0.85) {
    call.begin();
    call.send('only a part');
    setTimeout(() => call.stream.close(2), 10);
  } else if (kind < 0.87) {
    const { session } = call.stream;
    // Not at once: with Node.js 22.23.3, this process would end.
    setImmediate(() => session?.destroy());
  } else if (kind < 0.93) {
    call.begin();
    for (let i = 0; i < 20; i++) call.send('x'.repeat(2000));
    call.end(0);
  }
}
