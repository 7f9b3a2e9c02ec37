/**
 * `breakwater completion`: a script that completes commands, options and their values in a shell. The scripts are our own:
 * of the libraries for commander, `@bomb.sh/tab` 0.0.22 completes no names of files, starts the program at each Tab, and in
 * bash evaluates what was typed; the others are not kept up, or need another program.
 */
import { bashScript } from './completion/bash.js';
import type { CommandTree } from './completion/command-tree.js';
import { fishScript } from './completion/fish.js';
import { zshScript } from './completion/zsh.js';
import type { Output } from './output.js';

const scripts = { bash: bashScript, fish: fishScript, zsh: zshScript } as const;

export type Shell = keyof typeof scripts;

/** @returns the exit code. */
export function completion(shell: Shell, program: CommandTree, output: Output): number {
  output.stdout.write(scripts[shell](program));
  return 0;
}
