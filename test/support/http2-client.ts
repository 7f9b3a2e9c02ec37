/** A client of HTTP/2, as Node has it, for tests that assert what a usual client sees. */
import http2, {
  type ClientHttp2Session,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from 'node:http2';
import type { Teardown } from './sidecar.js';

export interface Http2Response {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly text: string;
  /** Code of the RST_STREAM that ended it; 0 for a sound end. */
  readonly code: number;
}

export interface Http2Request {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: string | Buffer;
  readonly trailers?: Record<string, string>;
}

export function connectHttp2(t: Teardown, url: string): ClientHttp2Session {
  const session = http2.connect(url);
  session.on('error', () => {});
  t.teardown(() => session.destroy());
  return session;
}

/** Never rejects: what ended the stream is in the response. */
export function ask(
  session: ClientHttp2Session,
  { method = 'GET', path = '/', headers = {}, body, trailers: sent }: Http2Request = {},
): Promise<Http2Response> {
  return new Promise((resolve) => {
    const stream = session.request(
      { ':method': method, ':path': path, ...headers },
      { endStream: body === undefined, waitForTrailers: sent !== undefined },
    );
    let head: IncomingHttpHeaders & IncomingHttpStatusHeader = {};
    let trailers: IncomingHttpHeaders = {};
    let text = '';
    stream.on('wantTrailers', () => stream.sendTrailers(sent!));
    stream.on('response', (fields) => (head = fields));
    stream.on('trailers', (fields) => (trailers = fields));
    stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
    stream.on('error', () => {});
    stream.on('close', () => {
      resolve({
        status: head[':status'] ?? 0,
        headers: head,
        trailers,
        text,
        code: stream.rstCode,
      });
    });
    if (body !== undefined) stream.end(body);
  });
}
