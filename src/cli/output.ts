/** What the short commands have of the process, so that tests can stand in for it. */
import { readFileSync } from 'node:fs';
import type { Environment } from '../config/syntax/interpolate.js';

/** Standard input on the command line, and what it is called in messages. */
export const STDIN = '-';
export const STDIN_NAME = 'stdin';

interface Sink {
  write(text: string): unknown;
}

export interface Output {
  /** All of standard input; undefined where there is none. */
  readonly stdin?: () => Uint8Array;
  readonly env: Environment;
  readonly stdout: Sink;
  readonly stderr: Sink;
}

/** @throws the error of the file system, or that of standard input. */
export const readInput = (input: string, { stdin }: Output): Uint8Array =>
  input === STDIN ? (stdin?.() ?? Buffer.alloc(0)) : readFileSync(input);

export const nameInput = (input: string): string => (input === STDIN ? STDIN_NAME : input);

/**
 * Reads to the end, however slowly it comes: a pipe need not block, so that reading it at once could fail.
 * @returns what reads it again: it throws what kept it from being read.
 */
export async function readStdin(stdin: AsyncIterable<Uint8Array>): Promise<() => Uint8Array> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of stdin) chunks.push(chunk);
  } catch (error) {
    return () => {
      throw error;
    };
  }
  const all = Buffer.concat(chunks);
  return () => all;
}

/** A reader such as `head` may be gone before the end: it has had what it wanted. */
export function endQuietly(stream: NodeJS.WriteStream): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}
