/** Toxiproxy, a proxy by Shopify that is as bad as it is told to be, and its HTTP API. */
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually, findFreePort, type Teardown } from '../support/sidecar.js';

const MODULE = 'github.com/Shopify/toxiproxy/v2/cmd/server@v2.5.0';

/** On the way to the client, or to the server. */
export type Direction = 'upstream' | 'downstream';

/** https://github.com/Shopify/toxiproxy#toxics: with its attributes, in ms, KB/s and bytes; `slicer.delay` is in µs. */
export type Toxic =
  | { readonly type: 'latency'; readonly latency: number; readonly jitter: number }
  | { readonly type: 'bandwidth'; readonly rate: number }
  | { readonly type: 'slow_close'; readonly delay: number }
  | { readonly type: 'timeout'; readonly timeout: number }
  | { readonly type: 'reset_peer'; readonly timeout: number }
  | {
      readonly type: 'slicer';
      readonly average_size: number;
      readonly size_variation: number;
      readonly delay: number;
    }
  | { readonly type: 'limit_data'; readonly bytes: number };

/** @param folder in which it is built, unless it is there. @returns the program. */
export async function buildToxiproxy(folder: string): Promise<string> {
  const program = join(folder, 'server');
  if (existsSync(program)) return program;
  await promisify(execFile)('go', ['install', MODULE], { env: { ...process.env, GOBIN: folder } });
  return program;
}

export interface Toxiproxy {
  /** @returns the port that leads to `port`. */
  lead(name: string, port: number): Promise<number>;
  add(name: string, direction: Direction, toxic: Toxic): Promise<void>;
  /** Refuses new connections, and ends those that are open. */
  shut(name: string): Promise<void>;
  /** Opens all proxies, and takes all toxics out. */
  heal(): Promise<void>;
}

export async function startToxiproxy(t: Teardown, program: string): Promise<Toxiproxy> {
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(program, ['-host', '127.0.0.1', '-port', String(port)], { stdio: 'ignore' });
  t.teardown(() => child.kill('SIGKILL'));
  await eventually('toxiproxy is ready', () =>
    fetch(`${url}/version`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  const post = async (path: string, body: object) => {
    const response = await fetch(url + path, { method: 'POST', body: JSON.stringify(body) });
    const text = await response.text();
    if (!response.ok) throw new Error(`toxiproxy: POST ${path}: ${response.status} ${text}`);
  };
  return {
    async lead(name, to) {
      const listen = await findFreePort();
      await post('/proxies', {
        name,
        listen: `127.0.0.1:${listen}`,
        upstream: `127.0.0.1:${to}`,
        enabled: true,
      });
      return listen;
    },
    add: (name, stream, { type, ...attributes }) =>
      post(`/proxies/${name}/toxics`, { type, stream, attributes }),
    shut: (name) => post(`/proxies/${name}`, { enabled: false }),
    heal: () => post('/reset', {}),
  };
}
