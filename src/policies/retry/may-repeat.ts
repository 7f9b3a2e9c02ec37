/** Which requests the upstream may get twice, although it may have acted on the first one. */
import type { Call } from '../../core/call.js';
import { hasField } from '../../http/fields.js';
import type { KeySettings, RepeatOptions } from './options.js';

/** draft-ietf-httpapi-idempotency-key-header. */
const IDEMPOTENCY_HEADER = 'idempotency-key';

type HasKey = (call: Pick<Call, 'headers'>) => boolean;

/** Whether a request carries an idempotency key. */
export function createHasKey(idempotency: KeySettings): HasKey {
  const header = idempotency === 'off' ? IDEMPOTENCY_HEADER : idempotency.header.toLowerCase();
  return ({ headers }) => hasField(headers, header);
}

/** By the method, or by an idempotency key. All gRPC calls are POSTs: for them another option says it. */
export function createMayRepeat(
  options: Pick<RepeatOptions, 'methods' | 'grpc'>,
  hasKey: HasKey,
): (call: Pick<Call, 'method' | 'headers' | 'isGrpc'>) => boolean {
  const methods = new Set(options.methods);
  return (call) =>
    call.isGrpc ? options.grpc === 'idempotent' : methods.has(call.method) || hasKey(call);
}
