/** A real sidecar and real upstreams on port 0, for tests that assert what client, upstream and metrics saw. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from '../../src/app/app.js';
import { loadConfig } from '../../src/config/load.js';
import { createSystemClock } from '../../src/platform/system-clock.js';
import type { PolicyList } from '../../src/core/policy.js';
import { policies as builtIn } from '../../src/policies/index.js';
import { createLogger } from '../../src/telemetry/log/logger.js';

/** The part of a tap test that is needed here. */
export interface Teardown {
  teardown(handler: () => unknown): void;
}

export interface TestUpstream {
  readonly port: number;
  readonly url: string;
  readonly server: http.Server;
  /** Requests seen, in order. */
  readonly seen: http.IncomingMessage[];
}

/** An HTTP upstream; `handler` sees each request after it was noted. */
export async function startUpstream(
  t: Teardown,
  handler: (request: http.IncomingMessage, response: http.ServerResponse) => void,
): Promise<TestUpstream> {
  const seen: http.IncomingMessage[] = [];
  const server = http.createServer((request, response) => {
    seen.push(request);
    handler(request, response);
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { port, url: `http://127.0.0.1:${port}`, server, seen };
}

/** An upstream that writes whatever bytes `onConnection` likes. */
export async function startRawUpstream(
  t: Teardown,
  onConnection: (socket: net.Socket) => void,
): Promise<{ port: number; url: string }> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    onConnection(socket);
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { port, url: `http://127.0.0.1:${port}` };
}

/** A port that nothing listens on: systems hand out none that is so low, as they may do with one that was free. */
export const NO_PORT = 1;

/** A port that nothing listens on, for a moment at least. */
export async function findFreePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 22_000);
    const server = net.createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}

export interface TestSidecar {
  readonly admin: string;
  /** Port of an upstream's own listener, or of `server`. */
  port(name: string): number;
  url(name: string): string;
  /** One sample of /metrics, e.g. `breakwater_requests_total{upstream="a",...}`; 0 when it is not there. */
  metric(name: string, labels?: Record<string, string>): Promise<number>;
  json(path: string): Promise<unknown>;
  /** Log lines so far, parsed. */
  readonly logs: Record<string, unknown>[];
  /** Replaces the file, as an editor does; nothing reads it before a reload. */
  edit(yaml: string): void;
  reload(): ReturnType<App['reload']>;
  stop(): Promise<void>;
}

const ADMIN = 'admin: { listen: "127.0.0.1:0" }\n';

/** @param yaml without `admin`, which gets port 0; upstreams should listen on port 0 too. */
export async function startSidecar(
  t: Teardown,
  yaml: string,
  policies: PolicyList = builtIn,
): Promise<TestSidecar> {
  const folder = mkdtempSync(join(tmpdir(), 'breakwater-'));
  const file = join(folder, 'breakwater.yaml');
  const edit = (text: string) => writeFileSync(file, (/^admin:/m.test(text) ? '' : ADMIN) + text);
  edit(yaml);
  t.teardown(() => rmSync(folder, { recursive: true }));
  const load = () => loadConfig(file, process.env, policies);
  const { config, diagnostics } = load();
  if (config === undefined) throw new Error(JSON.stringify(diagnostics, undefined, 2));
  const logs: Record<string, unknown>[] = [];
  const logger = createLogger({
    level: config.log.level,
    destination: { write: (line: string) => logs.push(JSON.parse(line)) },
  });
  const app = await App.start(config, {
    clock: createSystemClock(),
    random: Math.random,
    policies,
    logger,
    version: '0.0.0-test',
    load,
  });
  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= app.stop());
  t.teardown(stop);
  const port = (name: string): number => {
    const found = app.listeners.find((listener) => listener.name === name);
    if (found?.address.kind !== 'tcp') throw new Error(`no listener ${name}`);
    return found.address.port;
  };
  const admin = `http://127.0.0.1:${port('admin')}`;
  return {
    admin,
    logs,
    port,
    url: (name) => `http://127.0.0.1:${port(name)}`,
    async metric(name, labels = {}) {
      const text = await (await fetch(`${admin}/metrics`)).text();
      const wanted = Object.entries(labels).map(([key, value]) => `${key}="${value}"`);
      let sum = 0;
      for (const line of text.split('\n')) {
        if (!line.startsWith(`${name}{`) && !line.startsWith(`${name} `)) continue;
        if (wanted.every((label) => line.includes(label))) sum += Number(line.split(' ').at(-1));
      }
      return sum;
    },
    json: async (path) => (await fetch(admin + path)).json(),
    edit,
    reload: () => app.reload(),
    stop,
  };
}

export interface ClientResponse {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  readonly text: string;
}

/** One request on a connection of its own. Rejects when the response breaks off. */
export function send(
  url: string,
  options: http.RequestOptions & { body?: string | Buffer } = {},
): Promise<ClientResponse> {
  const { body, ...rest } = options;
  return new Promise((resolve, reject) => {
    const { hostname, port, pathname, search } = new URL(url);
    const request = http.request(
      { hostname, port, path: pathname + search, agent: false, ...rest },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const whole = Buffer.concat(chunks);
          resolve({
            status: response.statusCode!,
            headers: response.headers,
            rawHeaders: response.rawHeaders,
            body: whole,
            text: whole.toString(),
          });
        });
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

/** Long enough for a program to start on a machine that has much else to do. */
const NEVER_MS = 60_000;

/** Writes `bytes` as they are and gives back all that came until the other side closed. Rejects when it never does. */
export function sendRaw(port: number, bytes: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const received = () => Buffer.concat(chunks).toString('latin1');
    const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes));
    const timer = setTimeout(() => {
      reject(new Error(`the connection was not closed; received: ${received()}`));
      socket.destroy();
    }, NEVER_MS);
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(received());
    });
  });
}

/** Polls until `check` holds; fails loudly when it never does. */
export async function eventually(
  what: string,
  check: () => boolean | Promise<boolean>,
  limitMs = NEVER_MS,
): Promise<void> {
  const endMs = Date.now() + limitMs;
  while (!(await check())) {
    if (Date.now() > endMs) throw new Error(`never came true: ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 10);
    });
  }
}

const PIECE_BYTES = 64 * 1024;

/** Ends `response` with `body`, no faster than it is taken. @returns the bytes that were written so far, when asked. */
export function endInPieces(response: http.ServerResponse, body: Buffer): () => number {
  let written = 0;
  const writeMore = (): void => {
    while (written < body.length) {
      const piece = body.subarray(written, written + PIECE_BYTES);
      written += piece.length;
      if (!response.write(piece)) return void response.once('drain', writeMore);
    }
    response.end();
  };
  writeMore();
  return () => written;
}

/**
 * Waits until a number that goes up stands still, and gives it back: it is above 0, and did not change while `roundTrip`
 * was made many times. The round trips must go through this process, so that all that is due to happen here happens.
 */
export async function standstill(
  what: string,
  read: () => number,
  roundTrip: () => Promise<unknown>,
): Promise<number> {
  let last = 0;
  await eventually(`${what} stands still`, async () => {
    last = read();
    for (let i = 0; i < 50; i++) {
      await roundTrip();
      if (read() !== last) return false;
    }
    return last > 0;
  });
  return last;
}
