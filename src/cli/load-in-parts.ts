/** Loads the program where few file descriptors may be open. Node opens all files of one import at once. */
import { readdirSync } from 'node:fs';

const policies = new URL('../policies/', import.meta.url);

async function loadEachPolicy(): Promise<void> {
  for (const entry of readdirSync(policies, { withFileTypes: true })) {
    if (entry.isDirectory()) await import(new URL(`${entry.name}/index.js`, policies).href);
  }
}

/** Each part imports few files that the ones before it have not. */
const parts: readonly (() => Promise<unknown>)[] = [
  () => import('../core/errors.js'),
  () => import('../core/layers.js'),
  loadEachPolicy,
  () => import('../config/syntax/parse.js'),
  () => import('../config/load.js'),
  () => import('../config/lint/lint.js'),
  () => import('../outbound/http1/connection-pool.js'),
  () => import('../upstream/upstream.js'),
  () => import('../inbound/http1/listener.js'),
  () => import('../admin/server.js'),
  () => import('../telemetry/instruments/metrics.js'),
];

export async function loadInParts(): Promise<void> {
  for (const load of parts) await load();
}
