/** How many descriptors (files and sockets) this process may have open: `ulimit -n`. */
import { readFileSync } from 'node:fs';

/** @param limits the text of /proc/self/limits. @returns undefined where there is no limit, or none that can be read. */
export function parseDescriptorLimit(limits: string): number | undefined {
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? undefined : Number(soft);
}

/** The one in force: Node.js has raised the soft limit to the hard one at its start. */
export function readDescriptorLimit(): number | undefined {
  try {
    return parseDescriptorLimit(readFileSync('/proc/self/limits', 'utf8'));
  } catch {
    return undefined;
  }
}
