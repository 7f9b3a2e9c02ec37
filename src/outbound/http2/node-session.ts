/** Makes a session of node:http2 over a socket, with limits of its own. */
import {
  connect,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ClientSessionRequestOptions,
  type OutgoingHttpHeaders,
} from 'node:http2';
import type { Socket } from 'node:net';
import type { Target } from '../../core/model.js';
import { destroyLater } from '../../lib/destroy-later.js';
import type { OutboundRequest } from '../client.js';
import { requestDirectly } from './direct-request.js';
import { asHeaders, takesLists } from './field-list.js';
import { FIELD_OVERHEAD, joinRepeated, requestHeaders, requestList } from './fields.js';

/** What a stream may send us before its reader has taken it, in bytes: a slow client costs no more memory than that. */
const STREAM_WINDOW_BYTES = 256 * 1024;
/** For all streams together. Node gives this window back at once, so a slow client does not hold up the others. */
const CONNECTION_WINDOW_BYTES = 1024 * 1024;
/** A request's head that is larger fails; clients' heads are limited to less. */
const MAX_SENT_HEAD_BYTES = 1024 * 1024;
/** Node refuses streams beyond it. What they may hold is bounded by their windows already. */
const MAX_SESSION_MB = 1024;

/**
 * @param socket is open.
 * @param maxHeaderBytes of a response, and of its trailers.
 */
export function createSession(
  socket: Socket,
  { protocol }: Target,
  maxHeaderBytes: number,
): ClientHttp2Session {
  // The host is not used: each request has its own.
  const session = connect(`${protocol}//localhost`, {
    createConnection: () => socket,
    settings: {
      enablePush: false,
      initialWindowSize: STREAM_WINDOW_BYTES,
      maxHeaderListSize: maxHeaderBytes,
    },
    maxHeaderListPairs: Math.ceil(maxHeaderBytes / FIELD_OVERHEAD),
    maxSendHeaderBlockLength: MAX_SENT_HEAD_BYTES,
    maxSessionMemory: MAX_SESSION_MB,
  });
  destroyLater(session, setImmediate);
  session.once('connect', () => session.setLocalWindowSize(CONNECTION_WINDOW_BYTES));
  return session;
}

const isRepeated = (error: unknown) =>
  (error as NodeJS.ErrnoException).code === 'ERR_HTTP2_HEADER_SINGLE_VALUE';

/** @throws where the session takes no streams any more. */
export function openStream(
  session: ClientHttp2Session,
  request: OutboundRequest,
  scheme: string,
  options: ClientSessionRequestOptions,
): ClientHttp2Stream {
  const headers = takesLists
    ? asHeaders(requestList(request, scheme))
    : requestHeaders(request, scheme);
  try {
    return requestDirectly(session, headers, options);
  } catch (error) {
    if (!isRepeated(error)) throw error;
    // Once more with repeated fields joined, where Node refuses to send one of them twice.
    const joined = joinRepeated(requestHeaders(request, scheme));
    return requestDirectly(session, joined, options);
  }
}

/** @param stream wants its trailers. */
export function sendTrailers(stream: ClientHttp2Stream, trailers: OutgoingHttpHeaders): void {
  try {
    stream.sendTrailers(trailers);
  } catch (error) {
    if (!isRepeated(error)) throw error;
    stream.sendTrailers(joinRepeated(trailers));
  }
}
