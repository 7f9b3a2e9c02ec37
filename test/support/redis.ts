/** A real Redis server of a test's own, which it can hang, kill and start again. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commandAt } from './redis-command.js';
import { eventually, findFreePort, type Teardown } from './sidecar.js';

/** For tap's `skip`: why there is no server to test with, or false. */
export const withoutRedis: string | false =
  spawnSync('redis-server', ['--version']).status === 0
    ? false
    : 'redis-server is not installed on this machine';

export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** On the same port, with empty memory. */
  start(): Promise<void>;
  /** At once, without a farewell. */
  kill(): Promise<void>;
  /** Connections stay open, but no command gets a reply. */
  hang(): void;
  goOn(): void;
  /** Replaces the options that it has from its next start on. */
  restartWith(...options: string[]): Promise<void>;
  /** Sends a command and gives back the raw reply. */
  command(...words: string[]): Promise<string>;
}

export async function startRedis(t: Teardown, ...initial: string[]): Promise<RedisServer> {
  const port = await findFreePort();
  let options = initial;
  // A replica that is synchronized leaves a file there, which the next server would read.
  const dir = mkdtempSync(join(tmpdir(), 'breakwater-redis-'));
  const settings = { port, bind: '127.0.0.1', save: '', appendonly: 'no', dir };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  let child: ChildProcess | undefined;

  const command = (...words: string[]) => commandAt(port, ...words);

  const server: RedisServer = {
    port,
    url: `redis://127.0.0.1:${port}`,
    command,
    async start() {
      child = spawn('redis-server', [...args, ...options], { stdio: 'ignore' });
      await eventually('redis-server replies', () =>
        command('PING').then(
          (response) => /^(?:\+PONG|-NOAUTH|-LOADING|-MASTERDOWN)/.test(response),
          () => false,
        ),
      );
    },
    async kill() {
      const dying = child;
      child = undefined;
      if (dying === undefined) return;
      const gone = new Promise((resolve) => {
        dying.once('exit', resolve);
      });
      dying.kill('SIGKILL');
      await gone;
    },
    async restartWith(...next) {
      options = next;
      await server.kill();
      await server.start();
    },
    hang: () => void child?.kill('SIGSTOP'),
    goOn: () => void child?.kill('SIGCONT'),
  };
  t.teardown(async () => {
    await server.kill();
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  });
  await server.start();
  return server;
}
