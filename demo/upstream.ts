/** The demo's flaky upstream, a process of its own: `upstream.js PORT FIRST_PHASE`, started and told when to begin by main.ts. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { luckOf, script, type Phase } from './script.js';

/** To the upstream: the script may begin. */
export interface Begin {
  /** Taken along should the demo die without a chance to clean up. */
  readonly sidecarPid: number;
}

/** From the upstream; the first one says that it listens. */
export type News = { readonly listens: true } | { readonly phase: string };

const port = Number(process.argv[2]);
const first = script.findIndex(({ name }) => name === process.argv[3]);

let phase: Phase = script[0]!;
let phaseSinceMs = 0;
let server: Server | undefined;
let unnumberedCalls = 0;
let sidecarPid: number | undefined;

function tell(news: News): void {
  process.send?.(news);
}

function handle(request: IncomingMessage, response: ServerResponse): void {
  const { pathname } = new URL(request.url ?? '/', 'http://upstream');
  // Calls by hand carry no number and get luck of their own.
  const call = Number(request.headers['x-call'] ?? --unnumberedCalls);
  const attempt = Number(request.headers['x-attempt-count'] ?? 1);
  const fate = phase.decide(luckOf(call, attempt), performance.now() - phaseSinceMs);
  const { name } = phase;
  request.resume();
  switch (fate.kind) {
    case 'hang':
      return;
    case 'reset':
      request.socket.resetAndDestroy();
      return;
    case 'response':
      setTimeout(() => {
        response.writeHead(fate.status, { 'content-type': 'application/json' });
        response.end(`${JSON.stringify({ path: pathname, status: fate.status, phase: name })}\n`);
      }, fate.delayMs);
  }
}

/** A server per time up: one that is closed still holds the calls that hang, as a stuck process would. */
function open(onOpen?: () => void): void {
  server = createServer({ keepAliveTimeout: 60_000 }, handle);
  server.listen(port, '127.0.0.1', onOpen);
}

function enter(index: number): void {
  phase = script[index]!;
  phaseSinceMs = performance.now();
  if (phase.isDown) {
    server?.close();
    server = undefined;
  } else if (server === undefined) {
    open();
  }
  tell({ phase: phase.name });
  setTimeout(enter, phase.lastsMs, (index + 1) % script.length);
}

// A terminal's Ctrl-C reaches the whole process group; the demo decides when its parts end.
process.on('SIGINT', () => {});
process.on('disconnect', () => {
  if (sidecarPid !== undefined) process.kill(sidecarPid);
  process.exit();
});
process.once('message', (begin: Begin) => {
  sidecarPid = begin.sidecarPid;
  enter(first);
});
open(() => tell({ listens: true }));
