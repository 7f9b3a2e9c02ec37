/** The fault of one attempt: what happens to it, and how that looks. */
import type { Call } from '../../core/call.js';
import type { Intervention, StandInResponse } from '../../core/intervention.js';
import { codeOfStatus, encodeGrpcMessage, grpcNumber } from '../../http/grpc.js';
import type { FaultKind } from './instruments.js';

export interface Fault {
  /** In ms; 0 for none. */
  readonly delayMs: number;
  /** Status of the response in place of the upstream's, a connection that breaks, or neither. */
  readonly end: number | 'reset' | undefined;
}

/** Beside each response of an abort, which looks like one of the upstream otherwise. */
const MARK = 'X-Breakwater-Fault';

const MESSAGE = 'A fault was injected; the upstream was not called.';
const body = Buffer.from(`${MESSAGE}\n`);

export function* kindsOf({ delayMs, end }: Fault): Generator<FaultKind> {
  if (delayMs > 0) yield 'delay';
  if (end !== undefined) yield end === 'reset' ? 'reset' : 'abort';
}

export const interventionFor = ({ delayMs, end }: Fault, call: Call): Intervention => ({
  delayMs,
  instead: typeof end === 'number' ? responseTo(call, end) : end,
});

function responseTo({ method, isGrpc }: Call, status: number): StandInResponse {
  if (isGrpc) {
    const code = String(grpcNumber(codeOfStatus(status)));
    const message = encodeGrpcMessage(MESSAGE);
    const headers = ['grpc-status', code, 'grpc-message', message, MARK.toLowerCase(), 'abort'];
    // Trailers-only: all clients understand it.
    return {
      status: 200,
      headers: ['content-type', 'application/grpc', ...headers],
      body: undefined,
    };
  }
  const length = String(body.length);
  const headers = [
    'Content-Type',
    'text/plain; charset=utf-8',
    'Content-Length',
    length,
    MARK,
    'abort',
  ];
  return { status, headers, body: method === 'HEAD' ? undefined : body };
}
