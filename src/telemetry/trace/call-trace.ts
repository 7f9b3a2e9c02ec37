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
import type { RecordedCall, Recorder, SpanRecord } from './recording.js';
import { firstMember, shorten, splitPath } from './shorten.js';
import { ERROR, SERVER, Span, type Instant, type SpanEvent, type SpanIdentity } from './span.js';

/** Beyond this the specification asks no hop to keep it. */
const MOST_TRACE_STATE = 512;

/** More events say nothing that the first ones do not. */
const MOST_EVENTS = 64;

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

export class CallTrace implements CallSpan, RecordedCall, SpanRecord {
  readonly trace: Trace;
  readonly traceId: string;
  readonly traceFlags: number;
  readonly method: string;
  readonly isGrpc: boolean;
  readonly isNew: boolean;
  readonly recorder: Recorder;
  readonly #request: TracedRequest;
  /** What is added to monotonic ms: one value for all spans of the call, so that a clock that is set changes no duration. */
  readonly #originMs: number;
  #identity: SpanIdentity | undefined;
  #events: SpanEvent[] | undefined;
  #droppedEvents = 0;
  #attempts = 0;
  #end: CallEnd | undefined;

  constructor(request: TracedRequest, recorder: Recorder) {
    const { trace, method, isGrpc } = request;
    this.recorder = recorder;
    this.#request = request;
    this.method = method;
    this.isGrpc = isGrpc;
    this.isNew = trace === undefined;
    this.#originMs = recorder.clock.wallNow() - recorder.clock.now();
    this.traceId = trace?.id ?? createTraceId(recorder.random);
    this.traceFlags = trace?.flags ?? SAMPLED_FLAG | RANDOM_FLAG;
    this.trace = { id: this.traceId, isSampled: true };
  }

  get identity(): SpanIdentity {
    this.#identity ??= {
      traceId: this.traceId,
      spanId: createSpanId(this.recorder.random),
      traceFlags: this.traceFlags,
      isRemote: false,
      traceState: this.isNew ? undefined : stateOf(this.#request),
    };
    return this.#identity;
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
    this.#events ??= [];
    if (this.#events.length < MOST_EVENTS) {
      const time = this.toInstant(this.recorder.clock.now());
      this.#events.push({ name, time, attributes });
    } else this.#droppedEvents += 1;
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
    this.#end = end;
    this.recorder.add(this);
  }

  toSpan(): Span {
    const { trace, startedAtMs } = this.#request;
    const parent = trace && {
      traceId: this.traceId,
      spanId: trace.parentId,
      traceFlags: this.traceFlags,
      isRemote: true,
      traceState: undefined,
    };
    const span = new Span('', SERVER, this.identity, parent, this.toInstant(startedAtMs));
    this.#describeRequest(span, this.#request);
    if (this.#end !== undefined) this.#describeEnd(span, this.#end);
    if (this.#events !== undefined) span.events = this.#events;
    span.droppedEventsCount = this.#droppedEvents;
    return span;
  }

  #describeRequest(span: Span, request: TracedRequest): void {
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

  #describeEnd(span: Span, end: CallEnd): void {
    const { attributes } = span;
    attributes['breakwater.attempts'] = end.attempts;
    attributes['breakwater.request_id'] = shorten(end.requestId);
    if (end.reason !== '') attributes['breakwater.reason'] = end.reason;
    if (end.shadow.length > 0) attributes['breakwater.shadow'] = end.shadow.join(',');
    if (end.substitution !== undefined) {
      attributes['breakwater.fallback'] = end.substitution.source;
    }
    if (end.error instanceof ClientGoneError) attributes['breakwater.client_left'] = true;
    if (this.isGrpc) describeGrpcEnd(span, end);
    else describeHttpEnd(span, end);
    span.endTime = this.toInstant(this.#request.startedAtMs + end.durationMs);
  }
}

function describeHttpEnd(span: Span, { status, error }: CallEnd): void {
  const { attributes } = span;
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

function describeGrpcEnd(span: Span, { grpcCode }: CallEnd): void {
  if (grpcCode === undefined) return;
  const { attributes } = span;
  attributes[ATTR_RPC_STATUS_CODE] = grpcCode;
  // As the conventions list them for servers.
  if (!isGrpcFault(grpcCode) && grpcCode !== 'UNIMPLEMENTED') return;
  attributes[ATTR_ERROR_TYPE] = grpcCode;
  span.status = { code: ERROR };
}
