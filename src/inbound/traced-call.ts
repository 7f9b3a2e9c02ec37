/** Begins the span of a call that is to be recorded. */
import type { Call } from '../core/call.js';
import type { Tracer } from '../core/span.js';
import type { Scope } from '../upstream/scope.js';
import type { RequestHead } from './stream.js';
import { pathOf } from './target.js';

/** @param head of the client's request. */
export function traceCall(tracer: Tracer, call: Call, head: RequestHead, scope: Scope): void {
  const { callerTrace, method, isGrpc, startedAtMs } = call;
  if (!tracer.isSampled(callerTrace)) return;
  const { target, fields, host, peerAddress, isSecure, protocolVersion } = head;
  const { upstream, route, pattern } = scope;
  call.span = tracer.begin({
    trace: callerTrace,
    method,
    // That of the call lacks the prefix of the upstream.
    path: pathOf(method, target),
    fields,
    host,
    peerAddress,
    isSecure,
    protocolVersion,
    isGrpc,
    upstream,
    route,
    pattern,
    startedAtMs,
  });
}
