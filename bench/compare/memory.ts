/** What a contender takes of memory: as it starts, with connections at work, and with many that only stay open. */
import { readFileSync } from 'node:fs';
import net from 'node:net';
import type { Program } from '../support/program.js';
import { loadOf, start, type Bench } from './bench.js';
import type { Contender } from './contenders.js';
import type { Memory } from './report.js';
import type { Workload } from './workloads.js';

const IDLE_CONNECTIONS = 10_000;
/** Connections that are opened at a time: fewer than any limit of those that work. */
const BATCH = 50;

export async function measureMemory(
  bench: Bench,
  contender: Contender,
  workload: Workload,
): Promise<Memory> {
  const { port, program } = await start(bench, contender, workload);
  const rss = () => (program as Program).rssBytes();
  const atStart = rss();
  await bench.generators.saturate(port, loadOf(workload, bench.options.seconds));
  const afterLoad = rss();
  // A proxy has one descriptor per client, and this process too; some are needed for other things.
  const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  const count = Math.min(IDLE_CONNECTIONS, Math.floor(Number(limit ?? 1024) * 0.45));
  const sockets: net.Socket[] = [];
  try {
    while (sockets.length < count) {
      const batch = Array.from({ length: Math.min(BATCH, count - sockets.length) }, () =>
        openIdle(port, workload.paths[0]!),
      );
      sockets.push(...(await Promise.all(batch)));
    }
    const open = sockets.filter((socket) => !socket.destroyed && !socket.readableEnded).length;
    if (open !== count) {
      throw new Error(
        `Cannot measure ${contender.name} because it keeps only ${open} of ${count} connections`,
      );
    }
    return { contender, atStart, afterLoad, idle: rss(), idleConnections: count };
  } finally {
    for (const socket of sockets) socket.destroy();
    await bench.programs.stop(program!);
  }
}

/** A connection that has had one response. */
function openIdle(port: number, path: string): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`));
    socket.once('data', () => {
      socket.resume();
      resolve(socket);
    });
    socket.on('error', reject);
  });
}
