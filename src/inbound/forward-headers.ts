/** Header fields on their way through: what a hop must take out, and what this one adds (RFC 9110, section 7.6). */
import type { IncomingMessage } from 'node:http';
import type { Substitution } from '../core/call.js';
import { headerValue } from '../http/fields.js';
import { essential, hopByHop, nominated } from '../http/hop-by-hop.js';
import type { Fields } from '../http/fields.js';

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
    const fields = this.#fields;
    let lines = '';
    for (let i = 0; i < fields.length; i += 2) lines += `${fields[i]}: ${fields[i + 1]}\r\n`;
    return lines;
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

/** Value of the first field of that lower-case name. */
export function findHeader(headers: Fields, lowerName: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]!.length === lowerName.length && headers[i]!.toLowerCase() === lowerName) {
      return headers[i + 1];
    }
  }
  return undefined;
}

/** Fields that a trailer section must not carry: they would change what has been read already (RFC 9110, section 6.5.1). */
const notInTrailers = new Set([
  ...essential,
  ...hopByHop,
  'trailer',
  'set-cookie',
  'content-encoding',
  'content-range',
]);

/** Trailers of either direction for the next hop. */
export function forwardTrailers(trailers: Fields): Fields {
  if (trailers.length === 0) return trailers;
  const fields: string[] = [];
  for (let i = 0; i < trailers.length; i += 2) {
    if (!notInTrailers.has(trailers[i]!.toLowerCase())) fields.push(trailers[i]!, trailers[i + 1]!);
  }
  return fields;
}

/** The upstream's fields of a 101: `Connection` and `Upgrade` are what it is about. */
export function forwardUpgradeHeaders(headers: Fields, requestId: string): string[] {
  const fields: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const lower = headers[i]!.toLowerCase();
    if (lower !== 'x-request-id') fields.push(headers[i]!, headers[i + 1]!);
  }
  fields.push('X-Request-Id', requestId);
  return fields;
}

/**
 * An upstream's fields for the client: hop-by-hop ones taken out, ours added.
 * @param requestId the exchange's, in place of any the upstream sent; empty for none.
 */
export function forwardReplyHeaders(
  headers: Fields,
  status: number,
  requestId: string,
  attempts: number,
  allowsTrailers: boolean,
): string[] {
  const drop = nominated(headerValue(headers, 'connection'));
  // Only a chunked body has room for them.
  const dropsTrailer = !allowsTrailers || findHeader(headers, 'content-length') !== undefined;
  const fields: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!;
    const lower = name.toLowerCase();
    if (hopByHop.has(lower) || drop.has(lower) || lower === 'x-request-id') continue;
    if (lower === 'trailer' && dropsTrailer) continue;
    // RFC 9110, section 8.6: not allowed with 204 and 1xx.
    if ((status === 204 || status < 200) && lower === 'content-length') continue;
    fields.push(name, headers[i + 1]!);
  }
  if (requestId !== '') fields.push('X-Request-Id', requestId);
  if (attempts > 1) fields.push('X-Breakwater-Attempts', String(attempts));
  return fields;
}

/** Says that the answer is a substitute, and why; what a hop behind says of its own does not hold for this one. */
export function labelSubstitute(
  fields: readonly string[],
  { source, reason }: Substitution,
): string[] {
  const labelled: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const lower = fields[i]!.toLowerCase();
    if (lower === 'x-breakwater-fallback' || lower === 'x-breakwater-reason') continue;
    labelled.push(fields[i]!, fields[i + 1]!);
  }
  labelled.push('X-Breakwater-Fallback', source);
  if (reason !== '') labelled.push('X-Breakwater-Reason', reason);
  return labelled;
}
