/** The clients of the chaos: they send checked bodies, check those that come back, and know how each request ended. */
import http from 'node:http';
import { HASH_FIELD, hashOf, makeBody } from './bodies.js';

type Random = () => number;

/** `complete`: a whole response. `cut`: a response that broke off, and was seen to. `lost`: no response. */
export type End = 'complete' | 'cut' | 'lost';

export interface Sent {
  /** A trace id: it comes to the upstream and into the access log. */
  readonly id: string;
  end: End;
  status: number;
  isReplayed: boolean;
}

/** A client gives up after this time. */
const PATIENCE_MS = 15_000;

const pause = (ms: number) =>
  new Promise<void>((resolve) => {
    setTimeout(resolve, ms);
  });

export class Clients {
  readonly sent: Sent[] = [];
  /** Ids of responses that were complete but not what the upstream sent. */
  readonly wrong: string[] = [];
  /** Keys whose success was told, with the number of requests that had been sent by then. */
  readonly told = new Map<string, number>();
  readonly #random: Random;
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: Infinity });
  readonly #orders = new Map<string, number>();

  constructor(random: Random) {
    this.#random = random;
  }

  /** Whether the request began after the success of its key had been told. */
  readonly isForbidden = (id: string, key: string): boolean => {
    const toldAt = this.told.get(key);
    return toldAt !== undefined && this.#orders.get(id)! >= toldAt;
  };

  /** Sends requests without keys, one after the other. */
  async fetchUntil(port: number, endAtMs: number): Promise<void> {
    while (Date.now() < endAtMs) {
      const { end } = await this.#send(port, '/bulk', this.#random() < 0.5 ? 'GET' : 'PUT', {});
      if (end !== 'complete') await pause(20 + this.#random() * 200);
    }
  }

  /** Pays: repeats each payment until it has succeeded, and now and then once more. */
  async payUntil(port: number, endAtMs: number): Promise<void> {
    while (Date.now() < endAtMs) {
      const key = `key-${this.sent.length}-${Math.floor(this.#random() * 1e9)}`;
      const body = makeBody(this.#random);
      for (let again = 0; again < 3 && Date.now() < endAtMs;) {
        const sent = await this.#send(
          port,
          `/pay/${key}`,
          'POST',
          { 'Idempotency-Key': key },
          body,
        );
        if (sent.end === 'complete' && sent.status === 201) {
          if (!this.told.has(key)) this.told.set(key, this.sent.length);
          again += this.#random() < 0.5 ? 3 : 1;
        } else {
          await pause(20 + this.#random() * 200);
        }
      }
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #send(
    port: number,
    path: string,
    method: string,
    fields: Readonly<Record<string, string>>,
    body = method === 'GET' ? Buffer.alloc(0) : makeBody(this.#random),
  ): Promise<Sent> {
    // An id of zeros is none.
    const id = (this.sent.length + 1).toString(16).padStart(32, '0');
    const sent: Sent = { id, end: 'lost', status: 0, isReplayed: false };
    this.#orders.set(id, this.sent.length);
    this.sent.push(sent);
    const hasLength = method === 'GET' || this.#random() < 0.5;
    const length: Record<string, number> =
      hasLength && method !== 'GET' ? { 'Content-Length': body.length } : {};
    return new Promise((resolve) => {
      const request = http.request({
        host: '127.0.0.1',
        port,
        path,
        method,
        agent: this.#agent,
        headers: {
          ...fields,
          ...length,
          [HASH_FIELD]: hashOf(body),
          traceparent: `00-${id}-00000000000000ff-01`,
        },
      });
      const patience = setTimeout(() => request.destroy(), PATIENCE_MS);
      request.on('response', (response) => {
        sent.status = response.statusCode!;
        sent.end = 'cut';
        sent.isReplayed = response.headers['idempotency-replayed'] !== undefined;
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', () => {});
        response.on('end', () => {
          if (!response.complete) return;
          sent.end = 'complete';
          const expected = response.headers[HASH_FIELD];
          if (expected !== undefined && hashOf(Buffer.concat(chunks)) !== expected)
            this.wrong.push(id);
        });
      });
      request.on('error', () => {});
      request.on('close', () => {
        clearTimeout(patience);
        resolve(sent);
      });
      if (body.length === 0) return void request.end();
      // In two parts, so that a request can break in the middle.
      request.write(body.subarray(0, body.length >> 1));
      setTimeout(() => request.end(body.subarray(body.length >> 1)), this.#random() * 20);
    });
  }
}
