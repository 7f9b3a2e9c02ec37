/** The server span of one call, and what happens to the call. */
import {
  ATTR_CLIENT_ADDRESS,
  ATTR_ERROR_TYPE,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  ATTR_HTTP_ROUTE,
  ATTR_RPC_STATUS_CODE,
  ATTR_URL_PATH,
  ATTR_URL_QUERY,
  ATTR_URL_SCHEME,
  ATTR_USER_AGENT_ORIGINAL,
} from '@opentelemetry/semantic-conventions';
import { CallError, ClientGoneError, type CallFailure } from '../../core/errors.js';
import type {
  AttemptSpan,
  AttemptStart,
  CallEnd,
  CallSpan,
  SpanAttributes,
  TracedRequest,
} from '../../core/span.js';
import { combinedValue, firstValue } from '../../http/fields.js';
import { isGrpcFault } from '../../http/grpc.js';
import { RANDOM_FLAG, SAMPLED_FLAG, type Trace } from '../../http/traceparent.js';
import { AttemptTrace } from './attempt-trace.js';
import {
  describeMethod,
  describePeer,
  describeProtocol,
  describeRpc,
  describeServer,
  redactQuery,
} from './http-attributes.js';
import { createSpanId, createTraceId } from './ids.js';
import type { RecordedCall, Recorder } from './recording.js';
import { firstMember, shorten, splitPath } from './shorten.js';
import { ERROR, SERVER, Span, type Instant, type SpanIdentity } from './span.js';

/** Beyond this the specification asks no hop to keep it. */
const MOST_TRACE_STATE = 512;

/** What the caller says of its trace beside the ids. */
function stateOf({ fields }: TracedRequest): SpanIdentity['traceState'] {
  const state = combinedValue(fields, 'tracestate');
  if (state === undefined || state.length > MOST_TRACE_STATE) return undefined;
  return { serialize: () => state };
}

/** That of the client, before any other proxy. */
function schemeOf({ fields, isSecure }: TracedRequest): string {
  const forwarded = firstValue(fields, 'x-forwarded-proto');
  return forwarded === undefined ? (isSecure ? 'https' : 'http') : firstMember(forwarded);
}

export class CallTrace implements CallSpan, RecordedCall {
  readonly trace: Trace;
  readonly method: string;
  readonly isGrpc: boolean;
  readonly isNew: boolean;
  readonly recorder: Recorder;
  readonly #span: Span;
  /** What is added to monotonic ms: one value for all spans of the call, so that a clock that is set changes no duration. */
  readonly #originMs: number;
  readonly #startedAtMs: number;
  #attempts = 0;

  constructor(request: TracedRequest, recorder: Recorder) {
    const { trace, method, isGrpc, startedAtMs } = request;
    this.recorder = recorder;
    this.method = method;
    this.isGrpc = isGrpc;
    this.isNew = trace === undefined;
    this.#startedAtMs = startedAtMs;
    this.#originMs = recorder.clock.wallNow() - recorder.clock.now();
    const id = trace?.id ?? createTraceId(recorder.random);
    const flags = trace?.flags ?? SAMPLED_FLAG | RANDOM_FLAG;
    this.trace = { id, isSampled: true };
    const identity: SpanIdentity = {
      traceId: id,
      spanId: createSpanId(recorder.random),
      traceFlags: flags,
      isRemote: false,
      traceState: this.isNew ? undefined : stateOf(request),
    };
    const parent = trace && {
      traceId: id,
      spanId: trace.parentId,
      traceFlags: flags,
      isRemote: true,
      traceState: undefined,
    };
    this.#span = new Span('', SERVER, identity, parent, this.toInstant(startedAtMs));
    this.#describe(request);
  }

  get identity(): SpanIdentity {
    return this.#span.spanContext();
  }

  countAttempt(): number {
    return this.#attempts++;
  }

  toInstant(atMs: number): Instant {
    const ms = this.#originMs + atMs;
    const seconds = Math.floor(ms / 1000);
    // Below a second also where it is rounded up.
    return [seconds, Math.min(Math.round((ms - seconds * 1000) * 1e6), 999_999_999)];
  }

  addEvent(name: string, attributes: SpanAttributes): void {
    const time = this.toInstant(this.recorder.clock.now());
    this.#span.addEvent({ name, time, attributes });
  }

  noteRefusal(error: CallFailure): void {
    if (!(error instanceof CallError)) return;
    const name = this.recorder.refusalEvents.get(error.reason);
    if (name !== undefined) this.addEvent(name, { 'breakwater.reason': error.reason });
  }

  beginAttempt(start: AttemptStart): AttemptSpan {
    return new AttemptTrace(this, start);
  }

  end(end: CallEnd): void {
    const span = this.#span;
    const { attributes } = span;
    attributes['breakwater.attempts'] = end.attempts;
    attributes['breakwater.request_id'] = shorten(end.requestId);
    if (end.reason !== '') attributes['breakwater.reason'] = end.reason;
    if (end.shadow.length > 0) attributes['breakwater.shadow'] = end.shadow.join(',');
    if (end.substitution !== undefined) {
      attributes['breakwater.fallback'] = end.substitution.source;
    }
    if (this.isGrpc) this.#endGrpc(end);
    else this.#endHttp(end);
    span.endTime = this.toInstant(this.#startedAtMs + end.durationMs);
    this.recorder.add(span);
  }

  #describe(request: TracedRequest): void {
    const span = this.#span;
    const { attributes } = span;
    const { places } = this.recorder;
    const { method, fields, host, peerAddress, pattern, upstream, route } = request;
    const [path, query] = splitPath(request.path);
    const scheme = schemeOf(request);
    if (this.isGrpc) {
      span.name = describeRpc(attributes, path);
    } else {
      span.name = describeMethod(attributes, method);
      attributes[ATTR_URL_PATH] = path;
      attributes[ATTR_URL_SCHEME] = scheme;
      if (query !== undefined) attributes[ATTR_URL_QUERY] = redactQuery(query);
      if (pattern !== undefined) {
        span.name += ` ${pattern}`;
        attributes[ATTR_HTTP_ROUTE] = pattern;
      }
    }
    const agent = firstValue(fields, 'user-agent');
    if (agent !== undefined) attributes[ATTR_USER_AGENT_ORIGINAL] = shorten(agent);
    const client = firstMember(combinedValue(fields, 'x-forwarded-for') ?? peerAddress ?? '');
    if (client !== '') attributes[ATTR_CLIENT_ADDRESS] = client;
    if (peerAddress !== undefined) describePeer(attributes, places.read(peerAddress));
    const server = firstMember(firstValue(fields, 'x-forwarded-host') ?? host ?? '');
    describeServer(attributes, places.read(server), scheme);
    describeProtocol(attributes, request.protocolVersion);
    if (upstream !== '') attributes['breakwater.upstream'] = upstream;
    if (route !== '') attributes['breakwater.route'] = route;
  }

  #endHttp({ status, error }: CallEnd): void {
    const span = this.#span;
    const { attributes } = span;
    if (error instanceof ClientGoneError) attributes['breakwater.client_left'] = true;
    // 499 is never sent.
    if (status !== 499) attributes[ATTR_HTTP_RESPONSE_STATUS_CODE] = status;
    if (status >= 500) {
      attributes[ATTR_ERROR_TYPE] = String(status);
      span.status = { code: ERROR };
    } else if (error instanceof CallError && status < 400) {
      // The response broke off after its head.
      attributes[ATTR_ERROR_TYPE] = error.reason;
      span.status = { code: ERROR, message: error.message };
    }
  }

  #endGrpc({ grpcCode, error }: CallEnd): void {
    const span = this.#span;
    const { attributes } = span;
    if (error instanceof ClientGoneError) attributes['breakwater.client_left'] = true;
    if (grpcCode === undefined) return;
    attributes[ATTR_RPC_STATUS_CODE] = grpcCode;
    // As the conventions list them for servers.
    if (!isGrpcFault(grpcCode) && grpcCode !== 'UNIMPLEMENTED') return;
    attributes[ATTR_ERROR_TYPE] = grpcCode;
    span.status = { code: ERROR };
  }
}
