/** The built sidecar as a process that can be replaced by a new one on the same ports. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathOf } from '../support/program.js';

/** Free ones, which are given back: a new process must be able to take them again. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

/** @throws after a minute */
export async function waitUntil(
  what: string,
  isTrue: () => boolean | Promise<boolean>,
): Promise<void> {
  const end = performance.now() + 60_000;
  while (!(await isTrue())) {
    if (performance.now() > end) throw new Error(`Cannot go on because ${what} took over a minute`);
    await sleep(20);
  }
}

export class RestartableSidecar {
  readonly #file: string;
  readonly #admin: string;
  #process: ChildProcess | undefined;

  constructor(folder: string, adminPort: number, yaml: string) {
    this.#file = join(folder, 'breakwater.yaml');
    this.#admin = `http://127.0.0.1:${adminPort}`;
    writeFileSync(this.#file, yaml);
  }

  /** Waits until all listeners are open. */
  async start(): Promise<void> {
    const args = [pathOf('main.js'), 'run', '--config', this.#file];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    this.#process = child;
    await waitUntil('the start of the sidecar', () => {
      if (child.exitCode !== null) throw new Error('Cannot go on because the sidecar has ended');
      return this.#isReady();
    });
  }

  /** SIGTERM, and the wait for the end. */
  async stop(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    await exit;
  }

  async forceOpen(upstream: string): Promise<void> {
    const { ok, status } = await fetch(`${this.#admin}/circuits/${upstream}`, {
      method: 'PUT',
      body: '{"state":"forced-open"}',
    });
    if (!ok) throw new Error(`Cannot force the circuit of ${upstream} open: status ${status}`);
  }

  async #isReady(): Promise<boolean> {
    return fetch(`${this.#admin}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  }
}
