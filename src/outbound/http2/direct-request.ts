/** Opens a stream without the detour that Node takes for sessions that are not connected yet. */
import { AsyncResource } from 'node:async_hooks';
import type {
  ClientHttp2Session,
  ClientHttp2Stream,
  ClientSessionRequestOptions,
  OutgoingHttpHeaders,
} from 'node:http2';

type Bind = AsyncResource['bind'];

/** Node's own. */
const bind = Reflect.get(AsyncResource.prototype, 'bind') as Bind;

let isRequesting = false;

/**
 * `request` binds a callback to an AsyncResource, and calls it in its next line where the session is connected. Node 20
 * defines two deprecated properties on each such callback: 14 µs per request, a tenth of a gRPC call; 1 µs in Node 26. So the
 * callback stays unbound, only while `request` runs: nothing here follows async resources, and all others get what they
 * always got. See docs/decisions/0067.
 */
AsyncResource.prototype.bind = function bindUnlessRequesting<Bound>(
  this: AsyncResource,
  callback: Bound,
  thisArgument?: unknown,
): Bound {
  if (isRequesting) return callback;
  return Reflect.apply(bind, this, [callback, thisArgument]) as Bound;
} as Bind;

/** As `session.request`. */
export function requestDirectly(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  options: ClientSessionRequestOptions,
): ClientHttp2Stream {
  isRequesting = true;
  try {
    return session.request(headers, options);
  } finally {
    isRequesting = false;
  }
}
