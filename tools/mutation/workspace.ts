/** A copy of the compiled project in which modules are changed, and test files are run. */
import { spawn } from 'node:child_process';
import {
  cpSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Ending {
  readonly how: 'passed' | 'failed' | 'timed out';
  /** The test file that ran last. */
  readonly file: string;
}

/** tap writes this for the first assertion that fails; the rest need not run. */
const FAILURE = /^\s*not ok (?!.*# (?:TODO|SKIP))/;
const FILE = /^\s*# file (.+)$/;

/** A test that needs no processor time but does not end fails after that; the default would be too short on a busy machine. */
const TEST_SECONDS = 120;

export class Workspace {
  readonly #root: string;

  /** @param project the root of the project, which is built. All but `dist` is linked, not copied. */
  constructor(project: string) {
    this.#root = mkdtempSync(join(tmpdir(), 'breakwater-mutation-'));
    for (const name of readdirSync(project)) {
      const [from, to] = [join(project, name), join(this.#root, name)];
      if (name === 'dist') cpSync(from, to, { recursive: true });
      else if (name !== '.git') symlinkSync(from, to);
    }
  }

  /**
   * Runs test files until one fails.
   *
   * @param processorSeconds how much of a processor they may use. A limit in time would depend on what else the machine does.
   */
  async test(files: readonly string[], processorSeconds: number): Promise<Ending> {
    const script = 'ulimit -t "$1"; shift; exec "$@"';
    const program = [process.execPath, 'dist/tools/mutation/together.js', ...files];
    const child = spawn('sh', ['-c', script, 'sh', String(processorSeconds), ...program], {
      cwd: this.#root,
      // A group of its own, so that what the tests have started ends with it.
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
      env: {
        PATH: process.env['PATH'],
        HOME: process.env['HOME'],
        TAP_TIMEOUT: String(TEST_SECONDS),
      },
    });
    let file = files[0]!;
    let hasFailed = false;
    const stop = (): void => {
      try {
        process.kill(-child.pid!, 'SIGKILL');
      } catch {
        // All of the group have ended.
      }
    };
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop()!;
      for (const line of lines) {
        if (hasFailed) return;
        file = FILE.exec(line)?.[1] ?? file;
        hasFailed = FAILURE.test(line);
        if (hasFailed) stop();
      }
    });
    child.on('exit', stop);
    const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
      child.on('close', (...ending) => resolve(ending));
    });
    if (hasFailed || (code !== null && code !== 0)) return { how: 'failed', file };
    return { how: signal === null ? 'passed' : 'timed out', file };
  }

  /** Changes the text of a module. @returns what undoes it. */
  change(module: string, edit: (source: string) => string): () => void {
    const path = join(this.#root, module);
    const source = readFileSync(path, 'utf8');
    writeFileSync(path, edit(source));
    return () => writeFileSync(path, source);
  }

  /** Deletes the copy. */
  close(): void {
    rmSync(this.#root, { recursive: true });
  }
}
