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
} from './http-attributes.js';
import { createSpanId } from './ids.js';
import type { RecordedCall } from './recording.js';
import { shorten, splitPath } from './shorten.js';
import { CLIENT, ERROR, Span } from './span.js';

export class AttemptTrace implements AttemptSpan {
  readonly #call: RecordedCall;
  readonly #span: Span;

  constructor(call: RecordedCall, { upstream, path, isBeside, startedAtMs }: AttemptStart) {
    this.#call = call;
    const parent = call.identity;
    const identity = { ...parent, spanId: createSpanId(call.recorder.random) };
    const span = new Span('', CLIENT, identity, parent, call.toInstant(startedAtMs));
    this.#span = span;
    const { attributes } = span;
    span.name = call.isGrpc
      ? describeRpc(attributes, splitPath(path)[0])
      : describeMethod(attributes, call.method);
    const before = call.countAttempt();
    if (before > 0) attributes[ATTR_HTTP_REQUEST_RESEND_COUNT] = before;
    attributes['breakwater.upstream'] = upstream;
    if (isBeside) attributes['breakwater.hedge'] = true;
  }

  propagate(edits: FieldEdits): void {
    const { traceId, spanId, traceFlags } = this.#span.spanContext();
    edits.set('traceparent', formatTraceparent(traceId, spanId, traceFlags));
    // The state of a trace that is not continued (W3C Trace Context, 3.3).
    if (this.#call.isNew) edits.remove('tracestate');
  }

  sendTo({ target, address, authority, path }: AttemptTarget): void {
    const { attributes } = this.#span;
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

  end({ status, outcome, error, protocol, atMs }: AttemptEnd): void {
    const span = this.#span;
    const { attributes } = span;
    attributes['breakwater.outcome'] = attemptResult(outcome);
    if (protocol !== undefined) describeProtocol(attributes, protocol);
    if (status !== 0 && !this.#call.isGrpc) {
      attributes[ATTR_HTTP_RESPONSE_STATUS_CODE] = status;
    }
    if (outcome.kind === 'grpc') attributes[ATTR_RPC_STATUS_CODE] = outcome.code;
    this.#judge(outcome, error);
    span.endTime = this.#call.toInstant(atMs);
    this.#call.recorder.add(span);
  }

  /** An attempt that was ended on purpose, because its client left or another one won, is no error. */
  #judge(outcome: AttemptEnd['outcome'], error: AttemptEnd['error']): void {
    if (outcome.kind === 'status') {
      if (outcome.status >= 400) this.#fail(String(outcome.status));
    } else if (outcome.kind === 'grpc' && outcome.code !== 'OK') {
      this.#fail(outcome.code);
    } else if (error instanceof CallError) {
      this.#fail(error.reason, error.message);
    }
  }

  #fail(type: string, message?: string): void {
    this.#span.attributes[ATTR_ERROR_TYPE] = type;
    this.#span.status = message === undefined ? { code: ERROR } : { code: ERROR, message };
  }
}
