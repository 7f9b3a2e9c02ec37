/** The proxy as a process of its own, from a file. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { node, pathOf } from './program.js';
import type { Teardown } from './sidecar.js';

export interface ProxyProcess {
  readonly process: ChildProcess;
  readonly output: () => string;
  readonly errors: () => string;
  readonly exit: Promise<number | null>;
  readonly edit: (yaml: string) => void;
}

/**
 * @param nodeOptions for the process and its children: then the test runner does not follow them.
 * @param variables more of its environment.
 * @param program its file.
 */
export function startProxy(
  t: Teardown,
  yaml: string,
  nodeOptions?: string,
  variables: Readonly<Record<string, string>> = {},
  program = pathOf('main.js'),
): ProxyProcess {
  const folder = mkdtempSync(join(tmpdir(), 'breakwater-'));
  const file = join(folder, 'breakwater.yaml');
  writeFileSync(file, yaml);
  const args = [program, 'run', '--config', file];
  const env = { ...process.env, ...variables };
  const child =
    nodeOptions === undefined
      ? spawn(...node(...args), { env })
      : spawn('env', [`NODE_OPTIONS=${nodeOptions}`, process.execPath, ...args], { env });
  t.teardown(() => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const exit = new Promise<number | null>((resolve) => {
    child.on('close', (code) => resolve(code));
  });
  return {
    process: child,
    output: () => output,
    errors: () => errors,
    exit,
    edit: (text) => writeFileSync(file, text),
  };
}
