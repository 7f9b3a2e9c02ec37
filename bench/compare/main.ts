/**
 * Breakwater beside its peers, in the same run on the same processors: one for the proxy, one for upstream and load.
 *
 *   npm run bench -- [--rounds N] [--seconds S] [--rate N] [--only a,b] [--workload x,y] [--json FILE] [--markdown]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Programs } from '../support/program.js';
import { compare } from './compare.js';
import { readArguments } from './arguments.js';

const directory = mkdtempSync(join(tmpdir(), 'breakwater-bench-'));
const programs = new Programs(directory);
try {
  await compare(readArguments(process.argv.slice(2)), programs, directory);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await programs.stopAll();
  rmSync(directory, { recursive: true, force: true });
}
