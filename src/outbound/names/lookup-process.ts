/** Looks names up in a process of its own, which has many threads for it. It runs only while it is needed. */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Clock, Timer } from '../../core/clock.js';
import type { NameAddress } from './lookup.js';
import type { LookupQuestion, LookupResult } from './lookup-child.js';

const PROGRAM = fileURLToPath(new URL('./lookup-child.js', import.meta.url));

/** libuv gives half of its threads to look-ups. */
const THREADS = 128;
export const PROCESS_LOOKUPS = THREADS / 2;

/** How long it is kept without use, in ms. */
const KEEP_MS = 60_000;

interface Pending {
  readonly resolve: (addresses: readonly NameAddress[]) => void;
  readonly reject: (error: Error) => void;
}

/** The process could not be started, or has ended before it had looked the name up. */
export class LookupProcessEnded extends Error {
  override readonly name = 'LookupProcessEnded';
}

export class LookupProcess {
  readonly #clock: Clock;
  readonly #program: string;
  readonly #pending = new Map<number, Pending>();
  #child: ChildProcess | undefined;
  #nextId = 0;
  #idleTimer: Timer | undefined;

  /** @param program what the process runs. */
  constructor(clock: Clock, program = PROGRAM) {
    this.#clock = clock;
    this.#program = program;
  }

  /** Look-ups that are under way. */
  get running(): number {
    return this.#pending.size;
  }

  /** @throws as a look-up does, or LookupProcessEnded. */
  async lookup(name: string): Promise<readonly NameAddress[]> {
    this.#idleTimer?.cancel();
    const child = (this.#child ??= this.#start());
    const id = this.#nextId++;
    const question: LookupQuestion = { id, name };
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      // What goes wrong here also shows as the end of the process.
      child.send(question, () => {});
    });
  }

  close(): void {
    this.#idleTimer?.cancel();
    const child = this.#child;
    this.#child = undefined;
    if (child?.connected === true) child.disconnect();
  }

  /** @throws LookupProcessEnded */
  #start(): ChildProcess {
    const child = this.#fork();
    // It does not keep this process alive.
    child.unref();
    child.channel?.unref();
    child.on('message', (result: LookupResult) => this.#onResult(result));
    child.on('error', () => this.#onEnd(child));
    child.on('exit', () => this.#onEnd(child));
    return child;
  }

  #fork(): ChildProcess {
    try {
      return fork(this.#program, {
        env: { ...process.env, UV_THREADPOOL_SIZE: String(THREADS) },
        // A debugger of this process is not for that one.
        execArgv: [],
        stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      });
    } catch (error) {
      throw new LookupProcessEnded((error as Error).message);
    }
  }

  #onResult({ id, addresses, error }: LookupResult): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (addresses !== undefined) pending?.resolve(addresses);
    else pending?.reject(Object.assign(new Error(error?.message), { code: error?.code }));
    if (this.#pending.size === 0) {
      this.#idleTimer = this.#clock.schedule(KEEP_MS, () => this.close());
    }
  }

  #onEnd(child: ChildProcess): void {
    if (child !== this.#child) return;
    this.#child = undefined;
    for (const { reject } of this.#pending.values()) {
      reject(new LookupProcessEnded('the look-up process has ended'));
    }
    this.#pending.clear();
  }
}
