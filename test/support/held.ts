/** What a running sidecar holds: memory after its garbage was collected, open handles, timers. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { connectInspector, type Inspector } from '../../bench/support/inspector.js';
import type { Told } from './process-probe.js';
import { startProxy, type ProxyProcess } from './proxy-process.js';
import { findFreePort, type Teardown } from './sidecar.js';

const MEBIBYTE = 1024 * 1024;

/** What was held at one time. */
export interface Held {
  /** Objects of JavaScript, in MiB. */
  readonly heap: number;
  /** Contents of Buffers and other memory outside of that heap, in MiB. */
  readonly external: number;
  /** The whole process, in MiB. */
  readonly resident: number;
  /** Of Node: sockets, servers, its own timers, ... */
  readonly resources: number;
  /** Of the operating system. */
  readonly descriptors: number;
  /** Waiting in the clocks of the program, each of which has one timer of Node. */
  readonly timers: number;
  /** The resources by their kind. */
  readonly kinds: Readonly<Record<string, number>>;
}

export const heldKinds = [
  'heap',
  'external',
  'resident',
  'resources',
  'descriptors',
  'timers',
] as const satisfies readonly (keyof Held)[];

export type HeldKind = (typeof heldKinds)[number];

export interface ProbedProxy extends ProxyProcess {
  /** Collects the garbage and counts what is left. */
  held(): Promise<Held>;
  /** A process does not end while its inspector is used. */
  closeInspector(): Promise<void>;
}

function countEach(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

const PROBE = fileURLToPath(new URL('process-probe.js', import.meta.url));

/** As `startProxy`, with its inspector open on the loopback. */
export async function startProbedProxy(t: Teardown, yaml: string): Promise<ProbedProxy> {
  const port = await findFreePort();
  const proxy = startProxy(
    t,
    yaml,
    `--import=file://${PROBE} --inspect=127.0.0.1:${port} --disable-warning=ExperimentalWarning`,
  );
  let inspector: Inspector | undefined;
  const connected = async () => (inspector ??= await connectInspector(port));
  return {
    ...proxy,
    async held() {
      const inspector = await connected();
      await inspector.collectGarbage();
      const told = (await inspector.evaluate('breakwaterHeld()')) as Told;
      return {
        heap: told.heapUsed / MEBIBYTE,
        external: told.external / MEBIBYTE,
        resident: told.rss / MEBIBYTE,
        resources: told.resources.length,
        descriptors: readdirSync(`/proc/${proxy.process.pid}/fd`).length,
        timers: told.timers,
        kinds: countEach(told.resources),
      };
    },
    async closeInspector() {
      await inspector?.close();
    },
  };
}
