/** The client of the demo: it sends the same calls at the same moments over several ways, each with a timeout. */
import { Agent, get } from 'node:http';

export const CALLS_PER_SECOND = 20;
/** The timeout of the client for each call: a usual value. */
export const PATIENCE_MS = 10_000;

const DIFFERENT_PATHS = 100;

/** A way to the upstream. */
export interface Way {
  /** Whether a complete response that is no failure came in time. @param number decides what happens to the call. */
  call(path: string, number: number): Promise<boolean>;
  /** Ends the calls that are under way. */
  close(): void;
}

/** Takes the result of one call over one way. */
export type Report = (isSuccess: boolean, durationMs: number) => void;

export interface Client {
  /** Ends all calls; those under way get no result. */
  stop(): void;
}

/**
 * @param onCall called when a call is sent over all ways; returns one receiver of results for each way, in the same order.
 */
export function startClient(ways: readonly Way[], onCall: () => readonly Report[]): Client {
  let calls = 0;
  let isStopped = false;

  const timer = setInterval(() => {
    const number = calls++;
    const path = `/items/${number % DIFFERENT_PATHS}`;
    const reports = onCall();
    for (const [i, way] of ways.entries()) void call(way, path, number, reports[i]!);
  }, 1000 / CALLS_PER_SECOND);

  async function call(way: Way, path: string, number: number, report: Report): Promise<void> {
    const startMs = performance.now();
    const isSuccess = await way.call(path, number);
    if (!isStopped) report(isSuccess, performance.now() - startMs);
  }

  return {
    stop() {
      isStopped = true;
      clearInterval(timer);
      for (const way of ways) way.close();
    },
  };
}

/** GETs, each of which gets its own connection or one that is idle. @param port on 127.0.0.1. */
export function httpWay(port: number): Way {
  const agent = new Agent({ keepAlive: true });
  return {
    call: (path, number) => succeeds(agent, port, path, number),
    close: () => agent.destroy(),
  };
}

/** Whether a complete response without a server error came in time. */
function succeeds(agent: Agent, port: number, path: string, number: number): Promise<boolean> {
  return new Promise((resolve) => {
    // The number decides what happens to the call, over either way the same.
    const headers = { 'X-Call': number };
    const request = get({ agent, host: '127.0.0.1', port, path, headers }, (response) => {
      const { statusCode = 500 } = response;
      response.resume();
      response.on('end', () => settle(statusCode < 500));
      response.on('error', () => settle(false));
    });
    const patience = setTimeout(() => request.destroy(), PATIENCE_MS);
    // Also after an abort: 'close' always comes, and the first result counts.
    request.on('error', () => settle(false));
    request.on('close', () => settle(false));
    function settle(isSuccess: boolean): void {
      clearTimeout(patience);
      resolve(isSuccess);
    }
  });
}
