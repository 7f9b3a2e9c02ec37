/** The demo, `npm run demo`: a flaky upstream, the sidecar before it, and a client that calls it with and without. */
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startChild, type Child } from './child.js';
import { httpWay, startClient } from './client.js';
import { grpcWay } from './grpc.js';
import { createScreen, summarize } from './screen.js';
import { script } from './script.js';
import { isReady, readSidecar, UPSTREAM, type SidecarState } from './sidecar.js';
import { WayRecord } from './tally.js';
import type { Begin, News } from './upstream.js';

const phaseNames = script.map(({ name }) => name);

const USAGE = `Usage: npm run demo -- [options]

  --seconds N      stop after N seconds; default: until Ctrl-C
  --from PHASE     begin with this phase: ${phaseNames.join(', ')}
  --grpc           with calls of gRPC in place of GETs
  --port-base N    use the ports N (upstream), N+1 (sidecar) and N+2 (admin); default: 9101, 8101 and 9900
`;

const pathTo = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const UPSTREAM_SCRIPT = pathTo('./upstream.js');
const CLI = pathTo('../src/main.js');
const CONFIGS = {
  http: pathTo('../../config/demo.yaml'),
  grpc: pathTo('../../config/demo-grpc.yaml'),
};

const START_TIMEOUT_MS = 15_000;
const SIDECAR_POLL_MS = 500;

/** An end that the user is told about in one line. */
class DemoError extends Error {}

interface Ports {
  readonly upstream: number;
  readonly sidecar: number;
  readonly admin: number;
}

interface Options {
  readonly runMs: number;
  readonly from: string;
  readonly protocol: keyof typeof CONFIGS;
  readonly ports: Ports;
}

function parseOptions(args: string[]): Options | 'help' {
  const { values } = parseArgs({
    args,
    options: {
      seconds: { type: 'string' },
      from: { type: 'string', default: phaseNames[0]! },
      'port-base': { type: 'string' },
      grpc: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return 'help';
  const { seconds, from, 'port-base': portBase } = values;
  const protocol = values.grpc === true ? 'grpc' : 'http';
  if (!phaseNames.includes(from)) {
    throw new DemoError(
      `Cannot begin with the phase "${from}"; there are ${phaseNames.join(', ')}`,
    );
  }
  const runMs = seconds === undefined ? Infinity : Number(seconds) * 1000;
  if (!(runMs > 0)) throw new DemoError(`--seconds needs a number above 0, not "${seconds}"`);
  if (portBase === undefined) {
    return { runMs, from, protocol, ports: { upstream: 9101, sidecar: 8101, admin: 9900 } };
  }
  const base = Number(portBase);
  if (!Number.isInteger(base) || base < 1 || base > 65_533) {
    throw new DemoError(`--port-base needs a whole number from 1 to 65533, not "${portBase}"`);
  }
  return { runMs, from, protocol, ports: { upstream: base, sidecar: base + 1, admin: base + 2 } };
}

async function run(options: Options): Promise<void> {
  const { from, protocol, ports } = options;
  for (const port of Object.values(ports) as number[]) await ensureFree(port);

  const stopped = stopRequested();
  const upstream = startChild([UPSTREAM_SCRIPT, String(ports.upstream), from, protocol], {
    withMessages: true,
  });
  const sidecar = startChild([CLI, 'run', '--config', CONFIGS[protocol]], {
    env: {
      DEMO_UPSTREAM_PORT: String(ports.upstream),
      DEMO_PORT: String(ports.sidecar),
      DEMO_ADMIN_PORT: String(ports.admin),
    },
  });
  const crashed = Promise.race([
    crashOf(upstream, 'the upstream'),
    crashOf(sidecar, 'the sidecar'),
  ]);
  const over = new AbortController();
  try {
    const listens = new Promise<void>((resolve) => {
      upstream.process.once('message', () => resolve());
    });
    const ready = Promise.all([listens, untilReady(ports.admin, over.signal)]).then(
      () => 'ready' as const,
    );
    if ((await Promise.race([ready, stopped, crashed])) !== 'ready') return;
    await play(options, upstream, sidecar, Promise.race([stopped, crashed]));
  } finally {
    over.abort();
    await Promise.all([sidecar.stop(), upstream.stop()]);
  }
}

/** From the first call to the summary. @param over resolves when the user, and rejects when a child, ends the demo. */
async function play(
  { runMs, from, protocol, ports }: Options,
  upstream: Child,
  sidecar: Child,
  over: Promise<'stopped'>,
): Promise<void> {
  const startMs = performance.now();
  const elapsedMs = () => performance.now() - startMs;
  const ways = { without: new WayRecord(), with: new WayRecord() };
  let phase = script.find(({ name }) => name === from)!;
  let phaseSinceMs = startMs;
  let state: SidecarState | undefined;

  upstream.process.on('message', (news: News) => {
    if (!('phase' in news)) return;
    phase = script.find(({ name }) => name === news.phase)!;
    phaseSinceMs = performance.now();
  });
  upstream.process.send({ sidecarPid: sidecar.process.pid! } satisfies Begin);
  const open = protocol === 'grpc' ? grpcWay : httpWay;
  const client = startClient([open(ports.upstream), open(ports.sidecar)], () => [
    ways.without.begin(phase.name),
    ways.with.begin(phase.name),
  ]);
  const look = () => void readSidecar(ports.admin).then((read) => (state = read));
  look();
  const poll = setInterval(look, SIDECAR_POLL_MS);
  const screen = createScreen(
    process.stdout,
    process.env,
    `http://127.0.0.1:${ports.admin}/`,
    tips(protocol, ports, upstream, sidecar),
  );
  const draw = () =>
    screen.draw({
      elapsedMs: elapsedMs(),
      phase,
      phaseElapsedMs: performance.now() - phaseSinceMs,
      ways,
      sidecar: state,
    });
  const redraw = setInterval(draw, screen.intervalMs);

  const enough = new AbortController();
  try {
    const time = runMs === Infinity ? [] : [sleep(runMs, undefined, { signal: enough.signal })];
    await Promise.race([over, ...time]);
    process.stdout.write(`\n${summarize(elapsedMs(), ways)}`);
  } finally {
    enough.abort();
    clearInterval(redraw);
    clearInterval(poll);
    client.stop();
    screen.close();
  }
}

function tips(
  protocol: Options['protocol'],
  ports: Ports,
  upstream: Child,
  sidecar: Child,
): string[] {
  const admin = `http://127.0.0.1:${ports.admin}`;
  const calls = [
    `  curl -i http://127.0.0.1:${ports.sidecar}/items/1        # through the sidecar`,
    `  curl -i http://127.0.0.1:${ports.upstream}/items/1        # straight to the upstream`,
  ];
  return [
    'Try from another terminal:',
    ...(protocol === 'grpc' ? [] : calls),
    `  curl ${admin}/circuits          # also /upstreams, /metrics`,
    `  curl -X PUT ${admin}/circuits/${UPSTREAM} \\`,
    `  -H 'content-type: application/json' -d '{"state":"forced-open","ttl":"10s"}'`,
    `Pids: upstream ${upstream.process.pid}, sidecar ${sidecar.process.pid}. Ctrl-C ends the demo with a summary.`,
  ];
}

/** Resolves when the user has seen enough, by a signal or by closing the pipe that the demo prints to. */
function stopRequested(): Promise<'stopped'> {
  return new Promise((resolve) => {
    const stop = (): void => resolve('stopped');
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
    process.stdout.on('error', stop);
  });
}

async function crashOf(child: Child, name: string): Promise<never> {
  const how = await child.ended;
  throw new DemoError(`The demo ended because ${name} ended: ${how}`);
}

async function untilReady(adminPort: number, signal: AbortSignal): Promise<void> {
  const endMs = performance.now() + START_TIMEOUT_MS;
  while (!signal.aborted && !(await isReady(adminPort))) {
    if (performance.now() > endMs) {
      throw new DemoError(`The sidecar was not ready within ${START_TIMEOUT_MS / 1000} s`);
    }
    await sleep(50);
  }
}

/** Before anything starts: a clear message beats a child's stack trace. */
function ensureFree(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', ({ message, code }: NodeJS.ErrnoException) => {
      const why = code === 'EADDRINUSE' ? `port ${port} is in use` : message;
      reject(
        new DemoError(
          `Cannot start the demo because ${why}; free it, or use three other ports with: npm run demo -- --port-base 19100`,
        ),
      );
    });
    server.listen(port, '127.0.0.1', () => server.close(() => resolve()));
  });
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === 'help') process.stdout.write(USAGE);
  else await run(options);
} catch (error) {
  const isUsage = error instanceof TypeError && 'code' in error;
  if (!(error instanceof DemoError) && !isUsage) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
