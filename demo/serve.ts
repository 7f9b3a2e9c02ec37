/** The HTTP server of the demo's upstream, which does to each call what the script says. */
import { createServer } from 'node:http';
import type { Fate } from './script.js';

/** What becomes of a call. @param call and @param attempt the values of `X-Call` and `X-Attempt-Count`. */
export type Decide = (
  call: unknown,
  attempt: unknown,
) => { readonly fate: Fate; readonly phase: string };

/** A server that listens. */
export interface Served {
  /** Takes no new calls; those that hang stay, as in a stuck process. */
  close(): void;
}

export type Serve = (port: number, decide: Decide, onOpen?: () => void) => Served;

export function serveHttp(port: number, decide: Decide, onOpen?: () => void): Served {
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://upstream');
    const { headers } = request;
    const { fate, phase } = decide(headers['x-call'], headers['x-attempt-count']);
    request.resume();
    switch (fate.kind) {
      case 'hang':
        return;
      case 'reset':
        request.socket.resetAndDestroy();
        return;
      case 'response':
        setTimeout(() => {
          response.writeHead(fate.status, { 'content-type': 'application/json' });
          response.end(`${JSON.stringify({ path: pathname, status: fate.status, phase })}\n`);
        }, fate.delayMs);
    }
  });
  server.listen(port, '127.0.0.1', onOpen);
  return { close: () => void server.close() };
}
