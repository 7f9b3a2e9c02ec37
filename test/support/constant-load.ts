/** Clients that call without a pause, whatever comes back. */
import http from 'node:http';
import { performance } from 'node:perf_hooks';
import type { Teardown } from './sidecar.js';

export interface LoadedCall {
  /** When it began, in ms after the load did. */
  readonly atMs: number;
  readonly tookMs: number;
  /** 0 for a response that did not come or broke off. */
  readonly status: number;
  readonly text: string;
}

export interface ConstantLoad {
  readonly calls: readonly LoadedCall[];
  /** ms since it began. */
  now(): number;
  /** Resolves when all calls have ended. */
  stop(): Promise<void>;
}

/** @param pauseMs of each client, between two calls. */
export function startLoad(
  t: Teardown,
  port: number,
  clients: number,
  pauseMs: number,
): ConstantLoad {
  const startMs = performance.now();
  const now = () => performance.now() - startMs;
  const agent = new http.Agent({ keepAlive: true, maxSockets: clients });
  const calls: LoadedCall[] = [];
  const state = { isOver: false };
  const call = () =>
    new Promise<void>((resolve) => {
      const atMs = now();
      const end = (status: number, text: string): void => {
        calls.push({ atMs, tookMs: now() - atMs, status, text });
        setTimeout(resolve, pauseMs);
      };
      const request = http.get({ host: '127.0.0.1', port, agent }, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('error', () => end(0, text));
        response.on('end', () => end(response.statusCode!, text));
      });
      request.on('error', ({ message }) => end(0, message));
    });
  const callOn = async (): Promise<void> => {
    while (!state.isOver) await call();
  };
  const running = Promise.all(Array.from({ length: clients }, callOn));
  const stop = async (): Promise<void> => {
    state.isOver = true;
    await running;
    agent.destroy();
  };
  t.teardown(stop);
  return { calls, now, stop };
}

/** How many calls there were of each status. */
export function countStatuses(calls: readonly LoadedCall[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { status } of calls) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
