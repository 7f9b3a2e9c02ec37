/** The client span of one attempt. */
import {
  ATTR_ERROR_TYPE,
  ATTR_HTTP_REQUEST_RESEND_COUNT,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  ATTR_RPC_STATUS_CODE,
  ATTR_URL_FULL,
} from '@opentelemetry/semantic-conventions';
import { CallError } from '../../core/errors.js';
import { attemptResult } from '../../core/outcome.js';
import type { AttemptEnd, AttemptSpan, AttemptStart, AttemptTarget } from '../../core/span.js';
import type { FieldEdits } from '../../http/field-edits.js';
import { formatTraceparent } from '../../http/traceparent.js';
import {
  describeMethod,
  describePeer,
  describeProtocol,
  describeRpc,
  describeServer,
  describeSocket,
  redactQuery,
  type Attributes,
} from './http-attributes.js';
import { createSpanId } from './ids.js';
import type { RecordedCall, SpanRecord } from './recording.js';
import { shorten, splitPath } from './shorten.js';
import { CLIENT, ERROR, Span } from './span.js';

export class AttemptTrace implements AttemptSpan, SpanRecord {
  readonly #call: RecordedCall;
  readonly #start: AttemptStart;
  /** Attempts of the call before it. */
  readonly #before: number;
  readonly #spanId: string;
  #target: AttemptTarget | undefined;
  #end: AttemptEnd | undefined;

  constructor(call: RecordedCall, start: AttemptStart) {
    this.#call = call;
    this.#start = start;
    this.#before = call.countAttempt();
    this.#spanId = createSpanId(call.recorder.random);
  }

  propagate(edits: FieldEdits): void {
    const { traceId, traceFlags, isNew } = this.#call;
    edits.set('traceparent', formatTraceparent(traceId, this.#spanId, traceFlags));
    // The state of a trace that is not continued (W3C Trace Context, 3.3).
    if (isNew) edits.remove('tracestate');
  }

  sendTo(target: AttemptTarget): void {
    this.#target = target;
  }

  end(end: AttemptEnd): void {
    this.#end = end;
    this.#call.recorder.add(this);
  }

  toSpan(): Span {
    const call = this.#call;
    const { upstream, path, isBeside, startedAtMs } = this.#start;
    const parent = call.identity;
    const identity = { ...parent, spanId: this.#spanId };
    const span = new Span('', CLIENT, identity, parent, call.toInstant(startedAtMs));
    const { attributes } = span;
    span.name = call.isGrpc
      ? describeRpc(attributes, splitPath(path)[0])
      : describeMethod(attributes, call.method);
    if (this.#before > 0) attributes[ATTR_HTTP_REQUEST_RESEND_COUNT] = this.#before;
    attributes['breakwater.upstream'] = upstream;
    if (isBeside) attributes['breakwater.hedge'] = true;
    if (this.#target !== undefined) this.#describeTarget(attributes, this.#target);
    if (this.#end !== undefined) this.#describeEnd(span, this.#end);
    return span;
  }

  #describeTarget(
    attributes: Attributes,
    { target, address, authority, path }: AttemptTarget,
  ): void {
    const scheme = target.startsWith('https:') ? 'https' : 'http';
    const { places } = this.#call.recorder;
    describeServer(attributes, places.read(authority), scheme);
    if (address.startsWith('/')) describeSocket(attributes, address);
    else describePeer(attributes, places.read(address));
    attributes['breakwater.endpoint'] = address;
    if (this.#call.isGrpc) return;
    const [before, query] = splitPath(path);
    const shown = query === undefined ? before : `${before}?${redactQuery(query)}`;
    // `*` stands for the server as a whole, whose URL has no path (RFC 9110, section 9.3.7).
    attributes[ATTR_URL_FULL] = shorten(`${scheme}://${authority}${shown === '*' ? '' : shown}`);
  }

  #describeEnd(span: Span, { status, outcome, error, protocol, atMs }: AttemptEnd): void {
    const { attributes } = span;
    attributes['breakwater.outcome'] = attemptResult(outcome);
    if (protocol !== undefined) describeProtocol(attributes, protocol);
    if (status !== 0 && !this.#call.isGrpc) {
      attributes[ATTR_HTTP_RESPONSE_STATUS_CODE] = status;
    }
    if (outcome.kind === 'grpc') attributes[ATTR_RPC_STATUS_CODE] = outcome.code;
    judge(span, outcome, error);
    span.endTime = this.#call.toInstant(atMs);
  }
}

/** An attempt that was ended on purpose, because its client left or another one won, is no error. */
function judge(span: Span, outcome: AttemptEnd['outcome'], error: AttemptEnd['error']): void {
  if (outcome.kind === 'status') {
    if (outcome.status >= 400) fail(span, String(outcome.status));
  } else if (outcome.kind === 'grpc' && outcome.code !== 'OK') {
    fail(span, outcome.code);
  } else if (error instanceof CallError) {
    fail(span, error.reason, error.message);
  }
}

function fail(span: Span, type: string, message?: string): void {
  span.attributes[ATTR_ERROR_TYPE] = type;
  span.status = message === undefined ? { code: ERROR } : { code: ERROR, message };
}
