/** How to run a program of `dist/src`, or any other, as users run it. */
import { fileURLToPath } from 'node:url';

/** @param path below `dist/src` */
export const pathOf = (path: string) =>
  fileURLToPath(new URL(`../../src/${path}`, import.meta.url));

/** With these the test runner follows each process that a test starts. It takes as long as our own start. */
const isFollowed = process.env['_TAPJS_PROCESSINFO_COVERAGE_'] !== '0';

/** The command and its arguments for Node.js, without what the test runner puts into each child, unless coverage needs it. */
export const node = (...args: readonly string[]): [command: string, args: readonly string[]] =>
  isFollowed
    ? [process.execPath, args]
    : ['env', ['-u', 'NODE_OPTIONS', process.execPath, ...args]];
