/** The real proxy in a process of its own, and the lines of its access log. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** What is read of a line. */
export interface LoggedCall {
  readonly requestId: string;
  readonly status: number;
  readonly reason: string;
  readonly attempts: number;
  readonly durationMs: number;
  readonly fallback?: string;
}

const main = fileURLToPath(new URL('../../src/main.js', import.meta.url));

export class Sidecar {
  readonly file: string;
  readonly calls: LoggedCall[] = [];
  readonly #folder: string;
  #child: ChildProcess | undefined;
  #hasEnded: Promise<unknown> | undefined;

  /** @param text of the configuration file. */
  constructor(text: string) {
    this.#folder = mkdtempSync(join(tmpdir(), 'breakwater-live-'));
    this.file = join(this.#folder, 'breakwater.yaml');
    writeFileSync(this.file, text);
  }

  /** @returns the port of the upstream's listener. */
  async start(upstream: string): Promise<number> {
    const child = spawn(process.execPath, [main, 'run', '--config', this.file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child = child;
    const lines = createInterface(child.stdout);
    this.#hasEnded = Promise.all([once(child, 'exit'), once(lines, 'close')]);
    return new Promise((resolve, reject) => {
      let port = NaN;
      child.once('exit', () => reject(new Error('Cannot go on because the proxy has ended')));
      lines.on('line', (line) => {
        if (line.startsWith('{')) return this.#read(line);
        const found = /^breakwater: (\S+) listens on 127\.0\.0\.1:(\d+)$/.exec(line);
        if (found?.[1] === upstream) port = Number(found[2]);
        if (line === 'breakwater: ready') resolve(port);
      });
    });
  }

  /** Resolves when all of its log has been read. */
  async stop(): Promise<void> {
    if (this.#child?.exitCode === null) this.#child.kill('SIGTERM');
    await this.#hasEnded;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #read(line: string): void {
    const fields = JSON.parse(line) as LoggedCall & { readonly msg: string };
    if (fields.msg === 'exchange') this.calls.push(fields);
  }
}
