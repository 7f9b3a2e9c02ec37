/** The process's own metrics, which a library collects. */
import { setImmediate } from 'node:timers/promises';
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Format } from './formats.js';

export interface ProcessMetrics {
  /** Their lines of the page. */
  render(format: Format): Promise<string>;
}

/**
 * The sums of other metrics here, under names that Prometheus keeps for counters. They are gauges, which `promtool check
 * metrics` complains about.
 */
const LEFT_OUT = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

export function collectProcessMetrics(): ProcessMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of LEFT_OUT) registry.removeSingleMetric(name);
  return { render: (format) => render(registry, format) };
}

/** ms of work before calls are served again. */
const TURN_MS = 1;

/** One metric after the other: some look at each open socket, and there may be ten thousand. */
async function render(registry: Registry, format: Format): Promise<string> {
  let lines = '';
  let turnEndMs = performance.now() + TURN_MS;
  for (const { name } of registry.getMetricsAsArray()) {
    lines += rewriteHead(await registry.getSingleMetricAsString(name), format);
    if (performance.now() < turnEndMs) continue;
    await setImmediate();
    turnEndMs = performance.now() + TURN_MS;
  }
  return lines;
}

/** The samples are the same in both formats. */
function rewriteHead(text: string, format: Format): string {
  const [, name = '', help = '', type = '', samples = ''] =
    /^# HELP (\S+) (.*)\n# TYPE \S+ (\w+)\n?([^]*)$/.exec(text) ?? [];
  const head = format.head(name, type, help);
  return `${head}${samples}${samples === '' ? '' : '\n'}${format.gap}`;
}
