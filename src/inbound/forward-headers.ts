/** A request's header fields on their way to the upstream: what a hop must take out, and what this one adds (RFC 9110, section 7.6). */
import type { IncomingMessage } from 'node:http';
import { fieldLines } from '../http/fields.js';
import { hopByHop, nominated } from '../http/hop-by-hop.js';

export interface DeadlineHeader {
  /** As it is written when it is added. */
  readonly name: string;
  readonly lowerName: string;
  /** Whether the upstream is told; otherwise the field is taken out. */
  readonly isPropagated: boolean;
}

export interface ForwardOptions {
  /** Sent upstream as it is; undefined leaves it to the connection's target. */
  readonly host: string | undefined;
  readonly requestId: string;
  /** Undefined leaves deadline fields as they are. */
  readonly deadline: DeadlineHeader | undefined;
  readonly isSecure: boolean;
}

/** A request's fields for the upstream; those that differ from try to try are rewritten in place. */
export class OutgoingHeaders {
  /** Undefined where it is the target's. */
  readonly host: string | undefined;
  /** They say how long the body is. */
  readonly hasLength: boolean;
  readonly #fields: string[];
  readonly #attemptAt: number;
  readonly #deadlineName: string;
  #deadlineAt: number;

  constructor(
    host: string | undefined,
    hasLength: boolean,
    fields: string[],
    attemptAt: number,
    deadlineAt: number,
    deadlineName: string,
  ) {
    this.host = host;
    this.hasLength = hasLength;
    this.#fields = fields;
    this.#attemptAt = attemptAt;
    this.#deadlineAt = deadlineAt;
    this.#deadlineName = deadlineName;
  }

  setAttempt(attempt: number): void {
    this.#fields[this.#attemptAt] = String(attempt);
  }

  setDeadline(value: string): void {
    if (this.#deadlineAt === -1) {
      this.#deadlineAt = this.#fields.push(this.#deadlineName, value) - 1;
    } else {
      this.#fields[this.#deadlineAt] = value;
    }
  }

  /** All but Host, as they go over the wire. */
  lines(): string {
    return fieldLines(this.#fields);
  }
}

/** The peer as X-Forwarded-For names it; a Unix socket has no address (RFC 7239, section 6). */
function peerOf(request: IncomingMessage): string {
  const address = request.socket.remoteAddress;
  if (address === undefined) return 'unknown';
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}

/**
 * Keeps order, case and repetitions. Appends to the last X-Forwarded-For and Via there are; X-Forwarded-Proto and
 * -Host are set unless a hop before has.
 */
export function forwardRequestHeaders(
  request: IncomingMessage,
  options: ForwardOptions,
): OutgoingHeaders {
  const raw = request.rawHeaders;
  const drop = nominated(request.headers.connection);
  const fields: string[] = [];
  const countsHops = request.method === 'OPTIONS' || request.method === 'TRACE';
  let forwardedForAt = -1;
  let viaAt = -1;
  let deadlineAt = -1;
  let hasProto = false;
  let hasHost = false;
  let hasLength = false;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!;
    const lower = name.toLowerCase();
    if (hopByHop.has(lower) || drop.has(lower)) continue;
    if (lower === options.deadline?.lowerName) {
      // Kept in its place for the value of each try; a second one would contradict it.
      if (options.deadline.isPropagated && deadlineAt === -1)
        deadlineAt = fields.push(name, '') - 1;
      continue;
    }
    switch (lower) {
      case 'host':
      case 'expect':
      case 'x-request-id':
      case 'x-attempt-count':
        continue;
      case 'content-length':
        hasLength = true;
        break;
      case 'x-forwarded-for':
        forwardedForAt = fields.length + 1;
        break;
      case 'via':
        viaAt = fields.length + 1;
        break;
      case 'max-forwards':
        // RFC 9110, section 7.6.2: each hop takes one; other methods leave it alone.
        if (countsHops && /^\d+$/.test(raw[i + 1]!)) {
          fields.push(name, String(Number(raw[i + 1]) - 1));
          continue;
        }
        break;
      case 'x-forwarded-proto':
        hasProto = true;
        break;
      case 'x-forwarded-host':
        hasHost = true;
        break;
    }
    fields.push(name, raw[i + 1]!);
  }
  const peer = peerOf(request);
  if (forwardedForAt === -1) fields.push('X-Forwarded-For', peer);
  else fields[forwardedForAt] += `, ${peer}`;
  if (!hasProto) fields.push('X-Forwarded-Proto', options.isSecure ? 'https' : 'http');
  if (!hasHost && request.headers.host !== undefined) {
    fields.push('X-Forwarded-Host', request.headers.host);
  }
  const via = `${request.httpVersion} breakwater`;
  if (viaAt === -1) fields.push('Via', via);
  else fields[viaAt] += `, ${via}`;
  fields.push('X-Request-Id', options.requestId);
  const attemptAt = fields.push('X-Attempt-Count', '1') - 1;
  return new OutgoingHeaders(
    options.host,
    hasLength,
    fields,
    attemptAt,
    deadlineAt,
    options.deadline?.name ?? '',
  );
}

/** The first value of a field as Node shows it. */
export const singleValue = (value: string | string[] | undefined) =>
  Array.isArray(value) ? value[0] : value;
