/** The metrics as the page shows them once every kind of event has happened. */
import { samplePage } from '../docs/sample-page.js';
import type { Entries } from './snapshot.js';

/** Our own metrics; those of the process depend on Node.js and the library. */
export async function listMetrics(): Promise<Entries> {
  const page = await samplePage();
  const entries: Entries = {};
  for (const [, name, type] of page.matchAll(/^# TYPE (breakwater_\w+) (\w+)$/gm)) {
    const sample = new RegExp(`^${name}(?:_count)?(?:\\{(.*)\\})? `, 'm').exec(page);
    if (sample === null) {
      throw new Error(`Cannot list the labels of ${name} because no event of ours counts in it`);
    }
    const labels = [...(sample[1] ?? '').matchAll(/(\w+)="/g)].map((match) => match[1]!);
    entries[name!] = { type, labels };
  }
  return entries;
}
