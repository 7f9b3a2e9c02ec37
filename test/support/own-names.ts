/**
 * Lets the program look up names at a DNS server of the test's own. Where it may, a test file runs in namespaces of its own, with
 * its own network, resolv.conf and hosts file: the program then looks names up as it does everywhere. Elsewhere a module that is
 * loaded before it leads its look-ups to the server.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { startNameServer, type NameServer } from './name-server.js';
import type { Teardown } from './sidecar.js';

const FILES = 'TEST_SYSTEM_FILES';
const UP = 'ip link set lo up';

/** The folder of what are `/etc/hosts` and `/etc/resolv.conf` to the program; undefined where they are the system's own. */
export const systemFiles = process.env[FILES];

const FILE_TEXTS = {
  'resolv.conf': 'nameserver 127.0.0.1\nsearch shop.test\noptions timeout:1 attempts:1\n',
  hosts: '127.0.0.1 localhost\n127.0.0.3 filed.test\n',
  'nsswitch.conf': 'hosts: files dns\n',
};

const mayHaveNamespaces = (): boolean =>
  spawnSync('unshare', ['-mn', 'sh', '-c', `${UP} && mount --bind /etc/hosts /etc/hosts`])
    .status === 0;

/** Makes the tests of a file, in another process if that can have namespaces. @param file its address. */
export function withOwnNames(t: Test, file: string, makeTests: () => void): void {
  if (systemFiles !== undefined || !mayHaveNamespaces()) return makeTests();
  const folder = mkdtempSync(join(tmpdir(), 'breakwater-names-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const mounts = Object.entries(FILE_TEXTS).map(([name, text]) => {
    writeFileSync(join(folder, name), text);
    return `mount --bind ${folder}/${name} /etc/${name}`;
  });
  const script = `${[UP, ...mounts].join(' && ')} && exec "$0" "$@"`;
  const command = ['sh', '-c', script, process.execPath, fileURLToPath(file)];
  const env = { ...process.env, [FILES]: folder };
  void t.spawn('unshare', ['-mn', ...command], { env }, 'in namespaces of its own');
}

/** @returns the server, and the options of Node.js that the program needs to ask it. */
export async function startOwnNames(
  t: Teardown,
): Promise<{ readonly names: NameServer; readonly nodeOptions: string | undefined }> {
  if (systemFiles !== undefined) {
    return { names: await startNameServer(t, 53), nodeOptions: undefined };
  }
  const names = await startNameServer(t, 0);
  process.env['TEST_NAME_SERVER_PORT'] = String(names.port);
  const preload = new URL('resolver-preload.js', import.meta.url);
  return { names, nodeOptions: `--import=${preload.href}` };
}
