/** Customers who pay through several sidecars, and an upstream that counts how often each payment was carried out. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { send } from './sidecar.js';

export interface ChargeCounts {
  /** Calls whose success was told. */
  told: number;
  /** Calls that were refused with 503. */
  refused: number;
  /** Repeated requests that got 409, because the first one was still running. */
  conflicts: number;
  /** Repeated requests that got the kept response. */
  replayed: number;
  /** Other endings, by status or error. */
  readonly others: Map<string, number>;
}

export interface Upstream {
  readonly url: string;
  /** How often each key was carried out. */
  readonly charges: Map<string, number>;
  /** Keys that were carried out by a request that was sent after success had been told. */
  readonly again: Set<string>;
  close(): void;
}

/** Of a request that is sent after the success of its payment was told. */
const IS_PAID = 'x-is-paid';

export async function startCharging(): Promise<Upstream> {
  const charges = new Map<string, number>();
  const again = new Set<string>();
  const server = http.createServer((request, response) => {
    const key = String(request.headers['idempotency-key']);
    charges.set(key, (charges.get(key) ?? 0) + 1);
    if (request.headers[IS_PAID] !== undefined) again.add(key);
    request.resume();
    response.writeHead(201, { 'Content-Type': 'application/json' }).end(JSON.stringify({ key }));
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    charges,
    again,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

const pause = (ms: number) =>
  new Promise<void>((resolve) => {
    setTimeout(resolve, ms);
  });

/** Longest that a customer goes on repeating a payment, in ms. */
const PATIENCE_MS = 60_000;

export class Customers {
  readonly counts: ChargeCounts = {
    told: 0,
    refused: 0,
    conflicts: 0,
    replayed: 0,
    others: new Map(),
  };
  /** Keys whose success was told. */
  readonly told = new Set<string>();
  readonly #urls: readonly string[];
  readonly #running: Promise<void>[] = [];
  #isOver = false;
  #next = 0;

  /** @param urls of the sidecars. */
  constructor(urls: readonly string[]) {
    this.#urls = urls;
  }

  /** Each pays again and again, with a pause in between. */
  start(customers: number, pauseMs: number): void {
    for (let i = 0; i < customers; i++) this.#running.push(this.#buy(i, pauseMs));
  }

  /** Resolves when the payments under way have ended. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#running);
  }

  async #buy(customer: number, pauseMs: number): Promise<void> {
    while (!this.#isOver) {
      const key = `${customer}-${this.#next++}`;
      await this.#pay(key, customer);
      await pause(pauseMs);
    }
  }

  /** Until its success was told; then once more at each sidecar, and once more later. */
  async #pay(key: string, customer: number): Promise<void> {
    const untilMs = performance.now() + PATIENCE_MS;
    for (let i = customer; !this.#isOver && performance.now() < untilMs; i++) {
      if (await this.#send(key, this.#urls[i % this.#urls.length]!)) break;
      await pause(100);
    }
    for (const url of this.#urls) await this.#send(key, url);
    await pause(1500);
    await this.#send(key, this.#urls[customer % this.#urls.length]!);
  }

  /** @returns whether a success was told. */
  async #send(key: string, url: string): Promise<boolean> {
    const { counts } = this;
    const headers = { 'Idempotency-Key': key, ...(this.told.has(key) ? { [IS_PAID]: '1' } : {}) };
    let ending: string;
    try {
      const { status, headers: fields } = await send(url, { method: 'POST', headers, body: key });
      if (status === 201) {
        counts.told++;
        this.told.add(key);
        if (fields['idempotency-replayed'] !== undefined) counts.replayed++;
        return true;
      }
      if (status === 503) counts.refused++;
      else if (status === 409) counts.conflicts++;
      ending = String(status);
    } catch (error) {
      ending = (error as NodeJS.ErrnoException).code ?? String(error);
    }
    if (ending !== '503' && ending !== '409') {
      counts.others.set(ending, (counts.others.get(ending) ?? 0) + 1);
    }
    return false;
  }
}
