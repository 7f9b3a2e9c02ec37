#!/usr/bin/env node
/** The process. It loads next to nothing before it listens for SIGUSR1. */
import { guardDebugger } from './platform/debugger.js';
import { readDescriptorLimit } from './platform/descriptor-limit.js';

/** What loading the program takes, and what the loader of Node.js takes for one import. */
const LEAST_DESCRIPTORS = 64;
const PLENTY = 192;

guardDebugger();
const limit = readDescriptorLimit() ?? Infinity;
if (limit < LEAST_DESCRIPTORS) {
  process.stderr.write(
    `breakwater: error: Cannot start because only ${limit} descriptors may be open (ulimit -n); at least ${LEAST_DESCRIPTORS} are needed\n`,
  );
  process.exitCode = 1;
} else {
  if (limit < PLENTY) await (await import('./cli/load-in-parts.js')).loadInParts();
  const { program } = await import('./program.js');
  await program.parseAsync();
}
