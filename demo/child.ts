/** A child process of the demo: how it ended, what it last said, and its certain end. */
import { spawn, type ChildProcess } from 'node:child_process';

/** Enough for a stack trace. */
const LAST_WORDS_LENGTH = 2000;
/** Until SIGKILL. */
const STOP_MS = 3000;

export interface Child {
  readonly process: ChildProcess;
  /** Resolves when the process has ended or could not start, with how, for a message. */
  readonly ended: Promise<string>;
  /** Resolves when it has ended. */
  stop(): Promise<void>;
}

/** Runs a script with this Node.js. */
export function startChild(
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; withMessages?: true } = {},
): Child {
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe', ...(options.withMessages ? (['ipc'] as const) : [])],
  });
  let lastWords = '';
  for (const output of [child.stdout, child.stderr]) {
    output?.setEncoding('utf8').on('data', (text: string) => {
      lastWords = (lastWords + text).slice(-LAST_WORDS_LENGTH);
    });
  }
  // Whatever ends this process, short of SIGKILL, ends its children.
  const kill = (): void => void child.kill('SIGKILL');
  process.on('exit', kill);

  const ended = new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => {
      process.off('exit', kill);
      const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
      resolve(lastWords === '' ? how : `${how}; its last words:\n${lastWords.trimEnd()}`);
    });
  });

  return {
    process: child,
    ended,
    async stop() {
      const timer = setTimeout(kill, STOP_MS);
      child.kill();
      await ended;
      clearTimeout(timer);
    },
  };
}
