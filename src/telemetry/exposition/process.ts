/** The process's own metrics, which a library collects. */
import { setImmediate } from 'node:timers/promises';
import { collectDefaultMetrics, Registry } from 'prom-client';

export interface ProcessMetrics {
  readonly contentType: string;
  /** Their lines of the page. */
  render(): Promise<string>;
}

export function collectProcessMetrics(): ProcessMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return { contentType: registry.contentType, render: () => render(registry) };
}

/** ms of work before calls are served again. */
const TURN_MS = 1;

/** One metric after the other: some look at each open socket, and there may be ten thousand. */
async function render(registry: Registry): Promise<string> {
  let lines = '';
  let turnEndMs = performance.now() + TURN_MS;
  for (const { name } of registry.getMetricsAsArray()) {
    lines += `${await registry.getSingleMetricAsString(name)}\n\n`;
    if (performance.now() < turnEndMs) continue;
    await setImmediate();
    turnEndMs = performance.now() + TURN_MS;
  }
  return lines;
}
