import { once } from 'node:events';
import { existsSync, linkSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { removeDeadSocket } from '../../src/platform/dead-socket.js';

/** The path of a socket is short. */
function shortFolder(t: Pick<Test, 'teardown'>): string {
  const folder = mkdtempSync(join(tmpdir(), 'breakwater-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return folder;
}

t.test('removes the socket of a process that is gone', async (t) => {
  const folder = shortFolder(t);
  const [path, left] = [join(folder, 'a.sock'), join(folder, 'left.sock')];
  const server = createServer().listen(path);
  await once(server, 'listening');
  // A server that closes removes its own path only.
  linkSync(path, left);
  await new Promise((resolve) => server.close(resolve));
  t.ok(existsSync(left));
  await removeDeadSocket(left);
  t.notOk(existsSync(left));
});

t.test('leaves a socket alone on which a process listens', async (t) => {
  const path = join(shortFolder(t), 'a.sock');
  const server = createServer((socket) => socket.destroy()).listen(path);
  t.teardown(() => server.close());
  await once(server, 'listening');
  await removeDeadSocket(path);
  t.ok(existsSync(path));
});

t.test('leaves other files alone, and needs none', async (t) => {
  const path = join(shortFolder(t), 'notes.txt');
  writeFileSync(path, 'mine');
  await removeDeadSocket(path);
  t.ok(existsSync(path));
  await removeDeadSocket(`${path}.sock`);
});
