/** Reads metrics once, over a connection of its own, and sums up their samples. */
import { send } from './sidecar.js';

export interface Metrics {
  /** Of all samples with these labels; 0 without one. */
  sum(name: string, labels?: Readonly<Record<string, string>>): number;
}

/** @param url of `/metrics`. */
export async function readMetrics(url: string): Promise<Metrics> {
  const lines = (await send(url)).text.split('\n');
  return {
    sum(name, labels = {}) {
      const wanted = Object.entries(labels).map(([key, value]) => `${key}="${value}"`);
      let sum = 0;
      for (const line of lines) {
        if (!line.startsWith(`${name}{`) && !line.startsWith(`${name} `)) continue;
        if (wanted.every((label) => line.includes(label))) sum += Number(line.split(' ').at(-1));
      }
      return sum;
    },
  };
}
