/** Reports at the start how many warnings `check` has for the file. */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { checkConfig } from '../config/check.js';
import type { Config } from '../config/config.js';
import { plural } from '../lib/plural.js';

/** Upstreams and routes of a file whose lint takes well under 100 ms. */
const SMALL = 500;

/** Whether the start may wait for the lint of the file, which takes seconds for thousands of routes. */
export function isQuickToLint({ upstreams }: Config): boolean {
  return upstreams.reduce((count, { routes }) => count + 1 + routes.length, 0) <= SMALL;
}

const countWarnings = (file: string) =>
  checkConfig(file, process.env).diagnostics.filter(({ level }) => level === 'warning').length;

export const tellWarnings = (file: string): void => tell(file, countWarnings(file));

/** In another thread, so that calls are served meanwhile. */
export function tellWarningsLater(file: string): void {
  const worker = new Worker(new URL(import.meta.url), { workerData: file });
  worker.unref();
  worker.on('message', (count: number) => tell(file, count));
  // The file has been valid at the start; the watch reports later changes.
  worker.on('error', () => {});
}

function tell(file: string, count: number): void {
  if (count === 0) return;
  process.stderr.write(
    `breakwater: ${file} has ${plural(count, 'warning')}; \`breakwater check ${file}\` shows ${count === 1 ? 'it' : 'them'}\n`,
  );
}

if (!isMainThread) parentPort?.postMessage(countWarnings(workerData as string), []);
