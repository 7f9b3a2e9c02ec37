/** Tables of metrics, read from a page that has a sample of each. */
import { samplePage } from './sample-page.js';

export interface MetricFamily {
  readonly type: string;
  readonly labels: readonly string[];
  readonly help: string;
}

/** All metrics by name, without those that prom-client adds for the process. */
export async function metricFamilies(): Promise<Map<string, MetricFamily>> {
  const page = await samplePage();
  const found = new Map<string, MetricFamily>();
  for (const [, name, type] of page.matchAll(/^# TYPE (breakwater_\w+) (\w+)$/gm)) {
    const sample = new RegExp(`^${name}(?:_count)?\\{(.*)\\} `, 'm').exec(page)?.[1] ?? '';
    const labels = [...sample.matchAll(/(\w+)="/g)].map((match) => match[1]!);
    const help = new RegExp(`^# HELP ${name} (.*)$`, 'm').exec(page)?.[1] ?? '';
    found.set(name!, { type: type!, labels, help });
  }
  return found;
}

const code = (text: string) => `\`${text}\``;

/** @param names of the metrics to list, in this order; if there are none, all by name. */
export async function metricTable(names: readonly string[]): Promise<string> {
  const families = await metricFamilies();
  const rows = (names.length === 0 ? [...families.keys()].toSorted() : names).map((name) => {
    const family = families.get(name);
    if (family === undefined) throw new Error(`There is no metric "${name}"`);
    const { type, labels, help } = family;
    return `| ${code(name)} | ${type} | ${labels.map(code).join(', ') || 'none'} | ${help} |`;
  });
  return ['| Metric | Type | Labels | Meaning |', '|---|---|---|---|', ...rows].join('\n');
}
