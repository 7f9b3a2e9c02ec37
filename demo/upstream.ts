/** The demo's flaky upstream, a process of its own: `upstream.js PORT FIRST_PHASE http|grpc`, started and told when to begin by main.ts. */
import { serveGrpc } from './grpc.js';
import { luckOf, script, type Phase } from './script.js';
import { serveHttp, type Decide, type Serve, type Served } from './serve.js';

/** To the upstream: the script may begin. */
export interface Begin {
  /** Taken along should the demo die without a chance to clean up. */
  readonly sidecarPid: number;
}

/** From the upstream; the first one says that it listens. */
export type News = { readonly listens: true } | { readonly phase: string };

const port = Number(process.argv[2]);
const first = script.findIndex(({ name }) => name === process.argv[3]);
const serve: Serve = process.argv[4] === 'grpc' ? serveGrpc : serveHttp;

let phase: Phase = script[0]!;
let phaseSinceMs = 0;
let server: Served | undefined;
let unnumberedCalls = 0;
let sidecarPid: number | undefined;

function tell(news: News): void {
  process.send?.(news);
}

const decide: Decide = (number, count) => {
  // Calls by hand carry no number and get luck of their own.
  const call = Number(number ?? --unnumberedCalls);
  const attempt = Number(count ?? 1);
  const fate = phase.decide(luckOf(call, attempt), performance.now() - phaseSinceMs);
  return { fate, phase: phase.name };
};

/** A server per time up: one that is closed still holds the calls that hang, as a stuck process would. */
function open(onOpen?: () => void): void {
  server = serve(port, decide, onOpen);
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
