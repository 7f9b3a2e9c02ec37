/** A copy of the compiled project in which modules are changed, and test files are run. */
import { spawn } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Step, Task } from './together.js';

export interface Ending {
  readonly how: 'passed' | 'failed' | 'timed out';
  /** The test file that did not pass. */
  readonly file?: string | undefined;
}

/** A process that does nothing for so many checks hangs. tap's own limit would be one of all tests of the process together. */
const MOST_IDLE_CHECKS = 12;
const CHECK_MS = 2000;
const IDLE_SECONDS = 0.02;

/** Linux counts in ticks of 10 ms. */
const TICKS_PER_SECOND = 100;

/** The processor time of a process so far, in seconds; 0 once it has gone. */
function processorSeconds(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Fields behind the name of the program, which may have spaces in it: proc(5) counts them from 3.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[14 - 3]) + Number(fields[15 - 3])) / TICKS_PER_SECOND;
  } catch {
    return 0;
  }
}

export class Workspace {
  readonly #project: string;
  readonly #root: string;

  /** @param project the root of the project, which is built. All but `dist` is linked, not copied. */
  constructor(project: string) {
    this.#project = project;
    this.#root = mkdtempSync(join(tmpdir(), 'breakwater-mutation-'));
    for (const name of readdirSync(project)) {
      const [from, to] = [join(project, name), join(this.#root, name)];
      if (name === 'dist') cpSync(from, to, { recursive: true });
      else if (name !== '.git') symlinkSync(from, to);
    }
  }

  /**
   * Runs tasks in one process.
   *
   * @param fileSeconds what a test file may use of a processor. A limit in time would depend on what else the machine does.
   * @returns how they ended; the last one may have ended the process, and those behind it are missing.
   */
  async run(tasks: readonly Task[], fileSeconds: number): Promise<Ending[]> {
    const child = spawn(process.execPath, ['dist/tools/mutation/together.js'], {
      cwd: this.#root,
      // A group of its own, so that what the tests have started ends with it.
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        HOME: process.env['HOME'],
        TAP_TIMEOUT: '0',
      },
    });
    const pid = child.pid!;
    child.stdin!.on('error', () => {}).end(JSON.stringify(tasks));
    const stop = (): void => {
      try {
        process.kill(-pid, 'SIGKILL');
      } catch {
        // All of the group have ended.
      }
    };
    const endings: Ending[] = [];
    let file: string | undefined;
    let usedBefore = 0;
    let usedAtCheck = 0;
    let idleChecks = 0;
    let hasTimedOut = false;
    const timer = setInterval(() => {
      const used = processorSeconds(pid);
      idleChecks = used - usedAtCheck < IDLE_SECONDS ? idleChecks + 1 : 0;
      usedAtCheck = used;
      if (idleChecks < MOST_IDLE_CHECKS && used - usedBefore < fileSeconds) return;
      hasTimedOut = true;
      stop();
    }, CHECK_MS);
    const lines = createInterface({ input: child.stdio[3] as Readable });
    lines.on('line', (line) => {
      const step = JSON.parse(line) as Step;
      usedBefore = processorSeconds(pid);
      if ('begins' in step) {
        file = step.begins;
        return;
      }
      const { failed } = step;
      endings.push(failed === undefined ? { how: 'passed' } : { how: 'failed', file: failed });
    });
    child.on('exit', stop);
    await Promise.all([
      new Promise((resolve) => child.on('close', resolve)),
      new Promise((resolve) => lines.on('close', resolve)),
    ]);
    clearInterval(timer);
    const broken = tasks[endings.length];
    if (broken !== undefined) {
      endings.push({ how: hasTimedOut ? 'timed out' : 'failed', file });
      copyFileSync(join(this.#project, broken.module), join(this.#root, broken.module));
    }
    return endings;
  }

  /** Deletes the copy. */
  close(): void {
    rmSync(this.#root, { recursive: true });
  }
}
