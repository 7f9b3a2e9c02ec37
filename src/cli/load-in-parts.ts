/** Loads the program where few file descriptors may be open. Node opens all files of one import at once. */
import { readdirSync } from 'node:fs';

/** @returns the addresses of the folders in there. */
function listFolders(path: string): readonly string[] {
  const parent = new URL(path, import.meta.url);
  return readdirSync(parent, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `${parent.href}${name}/`);
}

/** Each part imports few files that the ones before it have not. */
const parts: readonly (() => Promise<unknown>)[] = [
  () => import('../core/errors.js'),
  () => import('../core/layers.js'),
  ...listFolders('../policies/').map((folder) => () => import(`${folder}index.js`)),
  () => import('../policies/index.js'),
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
