/** Says in words how a session has ended. */
import { ResponseFault } from '../client.js';
import { codeName, explainSessionError } from './stream-end.js';

/** The other side does not speak HTTP/2. */
export class NotHttp2 extends Error {
  override readonly name = 'NotHttp2';
  readonly code = 'NOT_HTTP2';
}

/** The connection ended where it should not have. */
export class SessionLost extends Error {
  override readonly name = 'SessionLost';
}

/**
 * @param goawayCode of the latest GOAWAY; 0 where there was none.
 * @param error of the session or its socket.
 * @param streamError of one of its streams: Node reports a fault there first.
 */
export function explainEnd(
  goawayCode: number,
  error: Error | undefined,
  streamError: Error | undefined,
): Error {
  if (goawayCode !== 0) {
    return new SessionLost(`it closed the connection (${codeName(goawayCode)})`);
  }
  if (error !== undefined) return error;
  const fault = streamError === undefined ? undefined : explainSessionError(streamError);
  return fault instanceof ResponseFault ? fault : new SessionLost('other side closed');
}

/** Why a session has ended before the first SETTINGS of the other side. */
export function explainNoStart(error: Error | undefined): Error {
  if (error === undefined) {
    return new NotHttp2(
      'it closed the connection before its first HTTP/2 frame: it may not speak HTTP/2',
    );
  }
  const { code = '' } = error as NodeJS.ErrnoException;
  return code === '' || code.startsWith('ERR_HTTP2')
    ? new NotHttp2('what it sent first is not HTTP/2')
    : error;
}
