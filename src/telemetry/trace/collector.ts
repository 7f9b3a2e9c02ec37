/** Posts spans to an OTLP collector over HTTP (OTLP specification 1.x, OTLP/HTTP). */
import http from 'node:http';
import https from 'node:https';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Clock } from '../../core/clock.js';
import { parseRetryAfter } from '../../http/retry-after.js';
import type { Encoding } from './encode.js';
import type { Collector, Sent } from './delivery.js';

export interface CollectorOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Longest time for one request, in ms, whatever comes meanwhile. */
  readonly timeoutMs: number;
  readonly isCompressed: boolean;
  readonly encoding: Encoding;
  readonly clock: Clock;
  readonly version: string;
}

const compress = promisify(gzip);

/** Longest response that is read, in bytes: a collector says little. */
const MAX_RESPONSE = 64 * 1024;

/** Statuses after which the same request may be taken later (OTLP specification, "Retryable Response Codes"). */
const transient: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** Where OTLP/gRPC listens. */
const GRPC_PORT = '4317';

interface Response {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly contentType: string;
  readonly body: Buffer;
}

/** No response came in time. */
class TimedOut extends Error {}

/** The request was given up here. */
class GivenUp extends Error {}

export function openCollector(options: CollectorOptions): Collector {
  const { headers, timeoutMs, isCompressed, encoding, clock, version } = options;
  const url = new URL(options.url);
  const { Agent, request: begin } = url.protocol === 'https:' ? https : http;
  const agent = new Agent({ keepAlive: true });
  /** Ends a request that is under way. */
  const running = new Set<(why: Error) => void>();
  const hint =
    url.port === GRPC_PORT
      ? `; ${GRPC_PORT} is the port of OTLP over gRPC, but spans are sent by OTLP over HTTP, for which it is 4318`
      : '';

  function post(body: Uint8Array): Promise<Response> {
    return new Promise((resolve, reject) => {
      const request = begin(url, {
        method: 'POST',
        agent,
        headers: {
          'User-Agent': `OTel-OTLP-Exporter-Breakwater/${version}`,
          ...headers,
          'Content-Type': encoding.contentType,
          'Content-Length': body.length,
          ...(isCompressed ? { 'Content-Encoding': 'gzip' } : {}),
        },
      });
      const giveUp = (why: Error): void => {
        fail(why);
        request.destroy();
      };
      // For the whole of it: a timer that only silence lets run would wait for a response that drips.
      const timer = clock.schedule(timeoutMs, () => giveUp(new TimedOut()));
      const leave = (): void => {
        timer.cancel();
        running.delete(giveUp);
      };
      const fail = (error: Error): void => {
        leave();
        reject(error);
      };
      running.add(giveUp);
      request.on('error', fail);
      request.on('response', (response) => {
        readResponse(response).then(resolve).then(leave, fail);
      });
      request.end(body);
    });
  }

  function judge({ status, retryAfter, contentType, body }: Response): Sent {
    if (status >= 200 && status < 300) {
      if (/^\s*text\/html/i.test(contentType)) {
        return lost(`it responded ${status} with an HTML page, as a collector does not`);
      }
      const rejection = encoding.readRejection(body);
      if (rejection === undefined) return { kind: 'taken', rejected: 0, why: undefined };
      const { spans, message } = rejection;
      const detail = message === '' ? '' : `: ${brief(message)}`;
      return { kind: 'taken', rejected: spans, why: `it rejected ${spans} spans${detail}` };
    }
    const why = `it responded ${status}${hint}`;
    if (!transient.has(status)) return lost(why);
    const afterMs =
      retryAfter === undefined ? undefined : parseRetryAfter(retryAfter, clock.wallNow());
    return { kind: 'later', why, afterMs };
  }

  function explain(error: unknown): Sent {
    if (error instanceof TimedOut) {
      const why = `it did not respond within ${timeoutMs} ms${hint}`;
      // It may have taken them: another attempt could store them twice.
      return { kind: 'lost', why, isDown: true };
    }
    if (error instanceof GivenUp) return lost('Breakwater stops');
    const { message, code = '' } = error as NodeJS.ErrnoException;
    return { kind: 'later', why: `${brief(message) || code}${hint}`, afterMs: undefined };
  }

  return {
    format: encoding.format,
    encode: (spans) => encoding.encode(spans),
    async send(parts) {
      const body = encoding.join(parts);
      try {
        return judge(await post(isCompressed ? await compress(body) : body));
      } catch (error) {
        return explain(error);
      }
    },
    close() {
      for (const giveUp of running) giveUp(new GivenUp());
      agent.destroy();
    },
  };
}

const lost = (why: string): Sent => ({ kind: 'lost', why, isDown: false });

/** Of a text from elsewhere, for one line of the log. */
const brief = (text: string) => text.replaceAll(/\s+/g, ' ').trim().slice(0, 200);

/** What is beyond the limit is left unread, with its connection. */
async function readResponse(response: http.IncomingMessage): Promise<Response> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MAX_RESPONSE) break;
  }
  const { statusCode = 0, headers } = response;
  return {
    status: statusCode,
    retryAfter: headers['retry-after'],
    contentType: headers['content-type'] ?? '',
    body: Buffer.concat(chunks),
  };
}
