/**
 * The load generator of our own, over raw sockets. Without a rate it is a closed loop, for machines without wrk; with one, an open
 * loop: requests come at random instants of that rate (a Poisson process, the same for each run) whether or not
 * earlier ones had a response, and wait here when no connection is free. That wait counts, so a proxy that stalls is charged for all requests that it
 * kept waiting (no coordinated omission). What is due in the first half second counts for nothing: all connections open in it, and the
 * generator itself, a new process, is slow, so that each proxy kept some calls waiting for 10 to 30 ms. Prints what it saw as JSON.
 *
 *   node load.js JSON
 */
import net from 'node:net';
import { setPriority } from 'node:os';
import type { Load } from './wrk.js';
import { percentile } from './statistics.js';

export interface LoadOptions extends Load {
  readonly port: number;
  /** Requests per second; undefined for as many as possible. */
  readonly rate: number | undefined;
}

export interface LoadReport {
  readonly requests: number;
  readonly refused: number;
  readonly broken: number;
  readonly perSecond: number;
  readonly generatorShare: number;
  /** ms from when a request was due to the last byte of its response. */
  readonly p50: number;
  readonly p99: number;
  /** ms that requests left later than they were due because the generator itself was late: its error. */
  readonly slipP99: number;
}

const options = JSON.parse(process.argv[2]!) as LoadOptions;
const { port, method, paths, bodyBytes, headers, connections, seconds, rate } = options;

const requests = paths.map((path) => {
  const fields = Object.entries({
    Host: `127.0.0.1:${port}`,
    ...headers,
    ...(bodyBytes > 0 ? { 'Content-Length': String(bodyBytes) } : {}),
  });
  const head = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${head}\r\n${'x'.repeat(bodyBytes)}`, 'latin1');
});

/** Of an open loop, in ms. */
const WARM_UP_MS = 500;

const latencies: number[] = [];
const slips: number[] = [];
/** Instants at which requests were due that wait for a connection. */
const backlog: number[] = [];
const idle: Connection[] = [];
let turn = 0;
let responses = 0;
let refused = 0;
let broken = 0;
let isOver = false;

/** One keep-alive connection with at most one request on its way. */
class Connection {
  readonly #socket: net.Socket;
  #dueMs: number | undefined;
  #head = '';
  /** Bytes of the body that are still to come; undefined while the head is. */
  #left: number | undefined;
  #isChunked = false;

  constructor() {
    this.#socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.on('connect', () => free(this));
    this.#socket.on('data', (chunk) => this.#read(chunk));
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => {
      const i = idle.indexOf(this);
      if (i !== -1) idle.splice(i, 1);
      if (this.#dueMs !== undefined && !isOver) broken += 1;
      // A port that refuses must not be asked in a tight loop.
      if (!isOver) setTimeout(() => new Connection(), 1);
    });
  }

  send(dueMs: number): void {
    this.#dueMs = dueMs;
    this.#socket.write(requests[turn]!);
    turn = (turn + 1) % requests.length;
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Its request does. */
  get #counts(): boolean {
    return !isOver && this.#dueMs !== undefined && this.#dueMs >= startedMs;
  }

  #read(chunk: Buffer): void {
    let body = chunk.length;
    if (this.#left === undefined) {
      this.#head += chunk.toString('latin1');
      const end = this.#head.indexOf('\r\n\r\n');
      if (end === -1) return;
      body = this.#head.length - end - 4;
      this.#isChunked = false;
      const length = /\r\ncontent-length: *(\d+)/i.exec(this.#head.slice(0, end))?.[1];
      if (length === undefined) this.#isChunked = true;
      this.#left = Number(length ?? Number.POSITIVE_INFINITY);
      if (this.#head.charCodeAt(9) !== 0x32 && this.#counts) refused += 1;
    }
    this.#left -= body;
    // No bytes may follow a response, as there is no other request.
    if (this.#isChunked && chunk.toString('latin1', chunk.length - 5) === '0\r\n\r\n')
      this.#left = 0;
    if (this.#left > 0) return;
    this.#head = '';
    this.#left = undefined;
    if (this.#counts) {
      responses += 1;
      latencies.push(performance.now() - this.#dueMs!);
    }
    this.#dueMs = undefined;
    free(this);
  }
}

function free(connection: Connection): void {
  if (isOver) return;
  if (rate === undefined) {
    connection.send(performance.now());
    return;
  }
  const dueMs = backlog.shift();
  if (dueMs === undefined) idle.push(connection);
  else connection.send(dueMs);
}

/** A small generator of random numbers (mulberry32), so that all contenders get the same instants. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function run(perMs: number, endMs: number): void {
  const random = seeded(1);
  let nextMs = performance.now();
  // Timers are too coarse. The loop gives way to whatever else wants the processor.
  setPriority(19);
  const tick = (): void => {
    const nowMs = performance.now();
    while (nextMs <= nowMs) {
      if (nowMs >= startedMs) slips.push(nowMs - nextMs);
      // From now, not from when it was due: what the generator is late must not count against the proxy.
      const connection = idle.pop();
      if (connection === undefined) backlog.push(nowMs);
      else connection.send(nowMs);
      nextMs -= Math.log(1 - random()) / perMs;
    }
    if (nowMs < endMs) setImmediate(tick);
    else finish();
  };
  tick();
}

const all: Connection[] = [];
for (let i = 0; i < connections; i++) all.push(new Connection());
const startedMs = performance.now() + (rate === undefined ? 0 : WARM_UP_MS);
let cpuBefore = process.cpuUsage();
if (rate === undefined) {
  setTimeout(finish, seconds * 1000);
} else {
  setTimeout(() => (cpuBefore = process.cpuUsage()), WARM_UP_MS);
  run(rate / 1000, startedMs + seconds * 1000);
}

function finish(): void {
  const nowMs = performance.now();
  isOver = true;
  const elapsed = (nowMs - startedMs) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  // A request that still waits has waited that long at least.
  for (const dueMs of backlog) latencies.push(nowMs - dueMs);
  const sorted = Float64Array.from(latencies).toSorted();
  const report: LoadReport = {
    requests: responses,
    refused,
    broken,
    perSecond: responses / elapsed,
    generatorShare: (user + system) / 1e6 / elapsed,
    p50: percentile(sorted, 0.5),
    p99: percentile(sorted, 0.99),
    slipP99: percentile(Float64Array.from(slips).toSorted(), 0.99),
  };
  process.stdout.write(JSON.stringify(report), () => process.exit(0));
}
