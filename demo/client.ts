/** The client of the demo: it sends the same GETs at the same moments over several ways, each with a timeout. */
import { Agent, get } from 'node:http';

export const CALLS_PER_SECOND = 20;
/** The timeout of the client for each call: a usual value. */
export const PATIENCE_MS = 10_000;

const DIFFERENT_PATHS = 100;

/** Takes the result of one call over one way. */
export type Report = (isSuccess: boolean, durationMs: number) => void;

export interface Client {
  /** Ends all calls; those under way get no result. */
  stop(): void;
}

/**
 * @param ports one per way, on 127.0.0.1.
 * @param onCall called when a call is sent over all ways; returns one receiver of results for each port, in the same order.
 */
export function startClient(ports: readonly number[], onCall: () => readonly Report[]): Client {
  const ways = ports.map((port) => ({ port, agent: new Agent({ keepAlive: true }) }));
  let calls = 0;
  let isStopped = false;

  const timer = setInterval(() => {
    const number = calls++;
    const path = `/items/${number % DIFFERENT_PATHS}`;
    const reports = onCall();
    for (const [way, { port, agent }] of ways.entries()) {
      void call(agent, port, path, number, reports[way]!);
    }
  }, 1000 / CALLS_PER_SECOND);

  async function call(
    agent: Agent,
    port: number,
    path: string,
    number: number,
    report: Report,
  ): Promise<void> {
    const startMs = performance.now();
    const isSuccess = await succeeds(agent, port, path, number);
    if (!isStopped) report(isSuccess, performance.now() - startMs);
  }

  return {
    stop() {
      isStopped = true;
      clearInterval(timer);
      for (const { agent } of ways) agent.destroy();
    },
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
