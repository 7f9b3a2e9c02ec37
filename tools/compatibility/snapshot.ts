/** Everything that users rely on by name, in one list: a change of it is a change for users. */
import { reasons } from '../../src/policies/index.js';
import { exitCodes, listHeaders } from './declared.js';
import { listMetrics } from './metrics.js';
import { listNotations, listOptions } from './options.js';
import { listCommands, listEndpoints } from './program.js';

/** By name; what is said of each is only compared. */
export type Entries = Record<string, unknown>;

/** Entries by section. */
export type Snapshot = Readonly<Record<string, Entries>>;

export async function takeSnapshot(): Promise<Snapshot> {
  return {
    options: listOptions(),
    notations: listNotations(),
    reasons: Object.fromEntries(
      Object.entries(reasons).map(([name, { status, proxyError }]) => [
        name,
        { status, proxyStatus: proxyError },
      ]),
    ),
    metrics: await listMetrics(),
    headers: listHeaders(),
    commands: listCommands(),
    exitCodes,
    endpoints: await listEndpoints(),
  };
}

/** With the keys of each object in one order, so that moving a line in the code changes nothing. */
function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  const sorted = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([key, each]) => [key, sortKeys(each)]));
}

/** As JSON with one line per entry, so that a change is a line in a diff. */
export function format(snapshot: Snapshot): string {
  const sections = Object.entries(snapshot).map(([section, entries]) => {
    const lines = Object.entries(sortKeys(entries) as Entries).map(
      ([name, entry]) => `    ${JSON.stringify(name)}: ${JSON.stringify(entry)}`,
    );
    return `  ${JSON.stringify(section)}: {\n${lines.join(',\n')}\n  }`;
  });
  return `{\n${sections.join(',\n')}\n}\n`;
}
