/** Programs that a measurement starts: pinned to a core, watched for processor time and memory, and stopped for certain. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Of /proc: what Linux calls USER_HZ, the same on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100;
/** Until SIGKILL. */
const STOP_MS = 3000;
const READY_MS = 20_000;
const POLL_MS = 20;

export interface ProgramOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** The processor that all its threads share; undefined for any. */
  readonly core?: number | undefined;
  /** Ready when this port of the loopback takes connections. */
  readonly port: number;
}

/** A running program with all its descendants. */
export class Program {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #hasEnded = false;

  constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.#child = child;
    this.#ended = new Promise((resolve) => {
      const end = () => {
        this.#hasEnded = true;
        resolve();
      };
      child.on('error', end);
      child.on('exit', end);
    });
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Seconds of processor time, user and system, since the start; in steps of 10 ms. */
  cpuSeconds(): number {
    return this.#sum((pid) => readCpuSeconds(pid));
  }

  /** Resident memory now; pages that processes share count once for each. */
  rssBytes(): number {
    return this.#sum((pid) => {
      const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readProc(pid, 'status'))?.[1];
      return Number(kilobytes ?? 0) * 1024;
    });
  }

  #sum(value: (pid: number) => number): number {
    if (this.#hasEnded) throw new Error(`Cannot measure ${this.name} because it has ended`);
    return familyOf(this.pid).reduce((total, pid) => total + value(pid), 0);
  }

  /** Asks it to end, then ends it. */
  async stop(): Promise<void> {
    if (this.#hasEnded) return;
    const family = familyOf(this.pid);
    const timer = setTimeout(() => {
      for (const pid of family) kill(pid);
    }, STOP_MS);
    this.#child.kill('SIGTERM');
    await this.#ended;
    clearTimeout(timer);
  }

  kill(): void {
    if (this.#hasEnded) return;
    for (const pid of familyOf(this.pid)) kill(pid);
  }
}

/** All programs of one measurement. */
export class Programs {
  readonly #directory: string;
  readonly #running = new Set<Program>();

  /** @param directory takes what the programs have to say on stderr. */
  constructor(directory: string) {
    this.#directory = directory;
    process.once('exit', () => {
      for (const program of this.#running) program.kill();
    });
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => process.exit(130));
    }
  }

  /** @throws Error with its last words when it is not ready in time. */
  async start(name: string, options: ProgramOptions): Promise<Program> {
    const words = join(this.#directory, `${name}.err`);
    const stderr = openSync(words, 'w');
    const [command, ...args] = [...pinned(options.core), options.command, ...options.args];
    // Standard output goes nowhere: logs are written, but no disk is measured.
    const child = spawn(command!, args, {
      cwd: this.#directory,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'ignore', stderr],
    });
    closeSync(stderr);
    const program = new Program(name, child);
    this.#running.add(program);
    const endMs = performance.now() + READY_MS;
    while (!(await takesConnections(options.port))) {
      if (program.hasEnded || performance.now() > endMs) {
        await this.stop(program);
        const last = readFileSync(words, 'utf8').trimEnd().slice(-2000);
        throw new Error(
          `Cannot measure ${name} because it does not listen on ${options.port}:\n${last}`,
        );
      }
      await pause(POLL_MS);
    }
    return program;
  }

  async stop(program: Program): Promise<void> {
    await program.stop();
    this.#running.delete(program);
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#running].map((program) => this.stop(program)));
  }
}

/** The words that go before a command so that it stays on one processor. */
export function pinned(core: number | undefined): string[] {
  return core === undefined ? [] : ['taskset', '-c', String(core)];
}

/** Seconds of processor time that ended and awaited children of this process have used. */
export function childrenCpuSeconds(): number {
  const fields = statFields(process.pid);
  return (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND;
}

function readCpuSeconds(pid: number): number {
  const fields = statFields(pid);
  return fields.length === 0 ? 0 : (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** proc(5): the fields of `stat` from the third on; the second, a name in brackets, may hold anything. */
function statFields(pid: number): string[] {
  const stat = readProc(pid, 'stat');
  return stat === '' ? [] : stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** Empty for a process that has ended meanwhile. */
function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return '';
  }
}

/** A process and its descendants. */
function familyOf(root: number): number[] {
  const parents = new Map<number, number>();
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (Number.isInteger(pid)) parents.set(pid, Number(statFields(pid)[1]));
  }
  const family = [root];
  // Grows while it is walked.
  for (const parent of family) {
    for (const [pid, of] of parents) if (of === parent) family.push(pid);
  }
  return family;
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

/** A port of the loopback that nothing listens on, for a moment at least. */
export async function findFreePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => {
    server.once('listening', resolve);
  });
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return port;
}

export const pause = (ms: number) =>
  new Promise<void>((resolve) => {
    setTimeout(resolve, ms);
  });

const execute = promisify(execFile);

/** What a program prints, stdout and stderr; undefined where there is no such program. */
export async function output(
  command: string,
  ...args: readonly string[]
): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await execute(command, args, { maxBuffer: 2 ** 24 });
    return stdout + stderr;
  } catch (error) {
    const { code, stdout, stderr } = error as { code?: unknown; stdout?: string; stderr?: string };
    return code === 'ENOENT' ? undefined : `${stdout ?? ''}${stderr ?? ''}`;
  }
}
