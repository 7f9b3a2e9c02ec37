/** The first minute must work: the demo runs, the sidecar helps, and nothing is left behind, however it ends. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { script } from '../../demo/script.js';
import { node } from '../support/program.js';

const PROGRAM = fileURLToPath(new URL('../../demo/main.js', import.meta.url));

/** Below the ports that systems hand out by themselves, so that no connection takes one in between. */
let nextBase = 11_000 + Math.floor(Math.random() * 15_000);

function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

/** Whether nothing listens on the demo's three ports, so its children are gone. */
async function isFree(base: number): Promise<boolean> {
  for (const port of [base, base + 1, base + 2]) {
    try {
      (await listen(port)).close();
    } catch {
      return false;
    }
  }
  return true;
}

async function freeBase(): Promise<number> {
  // Tests that run at the same time must not be given the same one.
  const base = (nextBase += 10);
  return (await isFree(base)) ? base : freeBase();
}

/** @param onOutput sees everything printed so far, each time there is more. */
async function runDemo(
  base: number,
  args: string[],
  onOutput: (output: string, kill: (signal: NodeJS.Signals) => void) => void = () => {},
): Promise<{ code: number | null; output: string }> {
  const demo = spawn(...node(PROGRAM, '--port-base', String(base), ...args), {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [demo.stdout, demo.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      onOutput(output, (signal) => demo.kill(signal));
    });
  }
  const [code] = (await once(demo, 'close')) as [number | null];
  return { code, output };
}

/** The success share in a row of the summary, in percent. */
function successIn(output: string, row: string): number {
  return Number(new RegExp(`^${row} +\\d+ +([\\d.]+)%`, 'm').exec(output)?.[1]);
}

const hasDrawn = (output: string) => /\d+ s \w+ \| without: /.test(output);

// While the first one waits, the others take their turns.
t.jobs = 2;

void t.test('shows that calls fare better with the sidecar', async (t) => {
  const base = await freeBase();
  const { code, output } = await runDemo(base, ['--seconds', '4', '--from', 'errors']);
  t.equal(code, 0, output);
  const without = successIn(output, 'without sidecar');
  const withSidecar = successIn(output, 'with sidecar');
  t.ok(without < 90, `${without}% without: the upstream fails`);
  t.ok(withSidecar >= without, `${withSidecar}% with, ${without}% without`);
  t.ok(output.startsWith(`Live page: http://127.0.0.1:${base + 2}/\n`), output);
  t.match(output, /\| fallback for \d+ calls? \| \d+ attempts? hung\n/);
  t.match(output, /circuit closed, \d+ retries, bulkhead \d+\/50, \d+ queued/);
  t.notMatch(output, '\u001B', 'no escapes outside a terminal');
  t.ok(await isFree(base), 'no child is left');
});

void t.test('calls an upstream of gRPC over both ways', async (t) => {
  const base = await freeBase();
  const { code, output } = await runDemo(base, ['--grpc', '--seconds', '4', '--from', 'errors']);
  t.equal(code, 0, output);
  const without = successIn(output, 'without sidecar');
  const withSidecar = successIn(output, 'with sidecar');
  t.ok(without > 30 && without < 90, `${without}% without: the upstream fails`);
  // No stored responses help here, so on a busy machine its timeouts can cost more than its retries save.
  t.ok(withSidecar > 0, `${withSidecar}% with`);
  t.ok(await isFree(base), 'no child is left');
});

void t.test('reaches the outage within 30 s', async (t) => {
  const outage = script.findIndex(({ name }) => name === 'outage');
  const beforeMs = script.slice(0, outage).reduce((sum, { lastsMs }) => sum + lastsMs, 0);
  t.ok(beforeMs > 0 && beforeMs <= 28_500, `${beforeMs} ms, and the start`);
});

void t.test('ends with a summary on Ctrl-C', async (t) => {
  const base = await freeBase();
  const { code, output } = await runDemo(base, [], (sofar, kill) => {
    if (hasDrawn(sofar) && !sofar.includes('Summary')) kill('SIGINT');
  });
  t.equal(code, 0, output);
  t.match(output, /^with sidecar /m);
  t.ok(await isFree(base), 'no child is left');
});

void t.test('says which part crashed', async (t) => {
  const base = await freeBase();
  let isKilled = false;
  const { code, output } = await runDemo(base, ['--seconds', '20'], (sofar) => {
    const pid = /sidecar (\d+)\./.exec(sofar)?.[1];
    if (pid === undefined || isKilled || !hasDrawn(sofar)) return;
    isKilled = true;
    process.kill(Number(pid), 'SIGKILL');
  });
  t.equal(code, 1);
  t.match(output, 'The demo ended because the sidecar ended: signal SIGKILL');
  t.ok(await isFree(base), 'no child is left');
});

void t.test('says which port is in use, before anything starts', async (t) => {
  const base = await freeBase();
  const squatter = await listen(base + 1);
  const { code, output } = await runDemo(base, ['--seconds', '4']);
  squatter.close();
  t.equal(code, 1);
  t.match(output, `Cannot start the demo because port ${base + 1} is in use`);
});

void t.test('refuses options that make no sense', async (t) => {
  for (const args of [['--seconds', 'soon'], ['--from', 'monday'], ['--fast']]) {
    const { code, output } = await runDemo(20_000, args);
    t.equal(code, 1);
    t.match(output, args[0] === '--from' ? 'monday' : args[0], output);
    t.notMatch(output, '    at ', 'no stack trace');
  }
});
