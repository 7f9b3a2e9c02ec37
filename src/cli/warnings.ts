/** What `run` says of the warnings that `check` has for its file: how many there are. */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { checkConfig } from '../config/check.js';
import type { Config } from '../config/config.js';

/** Upstreams and routes of a file whose lint takes well under 100 ms. */
const SMALL = 500;

/** Whether the lint of the file is quick enough for a start to wait for it: it takes seconds for thousands of routes. */
export function isQuickToLint({ upstreams }: Config): boolean {
  return upstreams.reduce((count, { routes }) => count + 1 + routes.length, 0) <= SMALL;
}

const countWarnings = (file: string) =>
  checkConfig(file, process.env).diagnostics.filter(({ level }) => level === 'warning').length;

export const tellWarnings = (file: string): void => tell(file, countWarnings(file));

/** In a thread of its own, so that calls go on meanwhile. */
export function tellWarningsLater(file: string): void {
  const worker = new Worker(new URL(import.meta.url), { workerData: file });
  worker.unref();
  worker.on('message', (count: number) => tell(file, count));
  // The file was valid a moment ago; the watch tells what becomes of it.
  worker.on('error', () => {});
}

function tell(file: string, count: number): void {
  if (count === 0) return;
  const warnings = `${count} ${count === 1 ? 'warning' : 'warnings'}`;
  process.stderr.write(
    `breakwater: ${file} has ${warnings}; \`breakwater check ${file}\` shows ${count === 1 ? 'it' : 'them'}\n`,
  );
}

if (!isMainThread) parentPort?.postMessage(countWarnings(workerData as string), []);
