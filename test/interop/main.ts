/** What real gRPC clients show of calls through the built sidecar: prints a Markdown table (`npm run interop`; `-- tonic`: of one alone). */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { grpcCodes } from '../../src/http/grpc.js';
import { startGrpcServer, type ServedCall } from '../support/grpc.js';
import { installClients, type InstalledClient } from './installed.js';
import { freePorts, RestartableSidecar, waitUntil } from './restartable.js';

interface Shown {
  readonly code: number;
  readonly text: string;
  readonly messages: readonly string[];
}

interface Looped {
  readonly calls: number;
  /** How many, by code and text. */
  readonly lost: Readonly<Record<string, number>>;
}

const RESTARTS = 3;

const methods: Readonly<Record<string, (call: ServedCall, number: number) => void>> = {
  '/interop.Test/Unary': (call) => call.respond('hello'),
  '/interop.Test/Silent': () => {},
  '/interop.Test/SecondTime': (call, number) =>
    number % 2 === 1 ? call.refuse(14, { 'grpc-message': 'not yet' }) : call.respond('hello'),
  '/interop.Test/Stream': (call) => {
    call.begin();
    for (const value of ['one', 'two', 'three']) call.send(value);
    call.end(0);
  },
};

const teardowns: (() => unknown)[] = [];
const served = new Map<string, number>();
const server = await startGrpcServer({ teardown: (handler) => teardowns.push(handler) }, (call) => {
  const path = call.headers[':path']!;
  const number = (served.get(path) ?? 0) + 1;
  served.set(path, number);
  (methods[path] ?? (() => call.refuse(12)))(call, number);
});
const [admin, good, dead, forced, nothing] = await freePorts(5);
const folder = mkdtempSync(join(tmpdir(), 'breakwater-interop-'));
const sidecar = new RestartableSidecar(
  folder,
  admin!,
  `
admin: { listen: ${admin} }
log: { level: fatal }
upstreams:
  good:
    listen: ${good}
    target: "${server.url}"
    routes:
      - name: repeatable
        match: { path: /interop.Test/SecondTime }
        retry: { grpc: idempotent }
  dead: { listen: ${dead}, target: "http://127.0.0.1:${nothing}" }
  forced: { listen: ${forced}, target: "${server.url}" }
`,
);

const cell = (value: string) => value.replaceAll('|', '\\|').replaceAll('\n', ' ');
const row = (...cells: readonly string[]) => console.log(`| ${cells.map(cell).join(' | ')} |`);

function start({ command, folder }: InstalledClient, args: readonly string[]) {
  const [program, ...first] = command;
  const child = spawn(program, [...first, ...args], {
    cwd: folder,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  return { end: () => child.stdin.end(), output: text(child.stdout) };
}

async function call(
  client: InstalledClient,
  port: number,
  method: string,
  { deadlineMs = 5000, kind = 'unary' } = {},
): Promise<Shown> {
  const path = `/interop.Test/${method}`;
  const { output } = start(client, [`127.0.0.1:${port}`, path, String(deadlineMs), kind]);
  return JSON.parse(await output) as Shown;
}

const named = (code: number) => `${code} \`${grpcCodes[code]}\``;

function show(client: InstalledClient, title: string, seen: Shown, more = '') {
  const { code, text, messages } = seen;
  const shown = [
    ...(text === '' ? [] : [`"${text}"`]),
    ...(messages.length === 0 ? [] : [`messages: ${messages.join(', ')}`]),
    ...(more === '' ? [] : [more]),
  ];
  row(client.name, title, named(code), shown.join('; '));
}

async function restartUnderCalls(client: InstalledClient): Promise<void> {
  const path = '/interop.Test/Unary';
  const calls = start(client, [`127.0.0.1:${good}`, path, '10000', 'loop']);
  /** A client may wait for some time before it connects again. */
  const areCarriedOut = async (more: number) => {
    const before = served.get(path) ?? 0;
    await waitUntil(
      `${more} calls of ${client.name}`,
      () => (served.get(path) ?? 0) >= before + more,
    );
  };
  const seconds: string[] = [];
  for (let restart = 0; restart < RESTARTS; restart++) {
    await areCarriedOut(100);
    const begin = performance.now();
    await sidecar.stop();
    await sidecar.start();
    seconds.push(((performance.now() - begin) / 1000).toFixed(1));
  }
  await areCarriedOut(100);
  calls.end();
  const { calls: all, lost } = JSON.parse(await calls.output) as Looped;
  const causes = Object.entries(lost).map(([cause, count]) => `${count} x "${cause}"`);
  const count = Object.values(lost).reduce((sum, one) => sum + one, 0);
  const shown = [`${count} of ${all} calls lost (restarts of ${seconds.join(', ')} s)`, ...causes];
  const title = `${RESTARTS} restarts of the sidecar`;
  const codes = Object.keys(lost).map((cause) => Number(cause.split(' ')[0]));
  const cells = (codes.length === 0 ? [0] : [...new Set(codes)]).map(named);
  row(client.name, title, cells.join(', '), shown.join('; '));
}

async function showAll(client: InstalledClient): Promise<void> {
  await sidecar.start();
  show(client, 'unary call', await call(client, good!, 'Unary'));
  show(client, 'server stream', await call(client, good!, 'Stream', { kind: 'stream' }));
  show(client, 'dead upstream', await call(client, dead!, 'Unary'));
  await sidecar.forceOpen('forced');
  show(client, 'open circuit', await call(client, forced!, 'Unary'));
  const silent = await call(client, good!, 'Silent', { deadlineMs: 500 });
  show(client, 'silent server, deadline of 500 ms', silent);
  const before = served.get('/interop.Test/SecondTime') ?? 0;
  const repeated = await call(client, good!, 'SecondTime');
  const attempts = served.get('/interop.Test/SecondTime')! - before;
  show(client, '`UNAVAILABLE` once, retried', repeated, `${attempts} attempts`);
  if (client.canWait) await restartUnderCalls(client);
  await sidecar.stop();
}

try {
  const wanted = process.argv.slice(2);
  const clients = await installClients(folder, wanted);
  row('Client', 'Case', 'Code', 'What it shows');
  console.log('|---|---|---|---|');
  for (const client of clients) await showAll(client);
} finally {
  await sidecar.stop();
  for (const teardown of teardowns) teardown();
  rmSync(folder, { recursive: true, force: true });
}
