/** What `check` has to say about the file of a running proxy: how many warnings at the start, and later what they are. */
import { Worker } from 'node:worker_threads';
import type { Config } from '../config/config.js';
import type { Diagnostic } from '../config/syntax/diagnostics.js';
import { plural } from '../lib/plural.js';
import { checkFile, type FileCheck } from './file-check.js';

const THREAD = new URL('./file-check-thread.js', import.meta.url);

/** Upstreams and routes of a file whose lint takes well under 100 ms. */
const SMALL = 500;

/** Whether the start may wait for the lint of the file, which takes seconds for thousands of routes. */
export function isQuickToLint({ upstreams }: Config): boolean {
  return upstreams.reduce((count, { routes }) => count + 1 + routes.length, 0) <= SMALL;
}

/** In another thread, so that calls are served meanwhile. @returns undefined if that is not possible. */
function checkLater(file: string): Promise<FileCheck | undefined> {
  const worker = new Worker(THREAD, { workerData: file });
  worker.unref();
  return new Promise((resolve) => {
    worker.on('message', resolve);
    worker.on('error', () => resolve(undefined));
  });
}

export const tellWarnings = (file: string): void => tell(file, checkFile(file));

export async function tellWarningsLater(file: string): Promise<void> {
  const check = await checkLater(file);
  // The file has been valid at the start; the watch reports later changes.
  if (check !== undefined) tell(file, check);
}

/** @returns undefined where the file is no longer the one in force. */
export async function lintInForce(
  file: string,
  { hash }: Config,
): Promise<readonly Diagnostic[] | undefined> {
  const check = await checkLater(file);
  return check?.hash === hash ? check.diagnostics : undefined;
}

function tell(file: string, { diagnostics }: FileCheck): void {
  const count = diagnostics.filter(({ level }) => level === 'warning').length;
  if (count === 0) return;
  process.stderr.write(
    `breakwater: ${file} has ${plural(count, 'warning')}; \`breakwater check ${file}\` shows ${count === 1 ? 'it' : 'them'}\n`,
  );
}
