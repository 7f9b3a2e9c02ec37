/** The grammar of gRPC over HTTP/2: content types, timeouts, statuses and their messages. */
import { firstValue, type Fields } from './fields.js';

/** Status codes by their number. */
export const grpcCodes = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;

export type GrpcCode = (typeof grpcCodes)[number];

/** With a suffix for the message format, and with parameters; `application/grpc-web` is another protocol. */
const CONTENT_TYPE = /^\s*application\/grpc(?:\+[^;\s]+)?\s*(?:;|$)/i;

export function isGrpcType(contentType: string | undefined): boolean {
  return contentType !== undefined && CONTENT_TYPE.test(contentType);
}

/** The status that fields carry; undefined without one. A number that no code has means UNKNOWN to clients. */
export function findGrpcCode(fields: Fields): GrpcCode | undefined {
  const value = firstValue(fields, 'grpc-status');
  if (value === undefined) return undefined;
  return (/^\s*\d+\s*$/.test(value) ? grpcCodes[Number(value)] : undefined) ?? 'UNKNOWN';
}

/** The upstream, not the request, is at fault: as a 5xx is. */
export const grpcFaults = [
  'UNKNOWN',
  'DEADLINE_EXCEEDED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
] as const satisfies readonly GrpcCode[];

const faults: ReadonlySet<GrpcCode> = new Set(grpcFaults);

export const isGrpcFault = (code: GrpcCode): boolean => faults.has(code);

export const grpcNumber = (code: GrpcCode): number => grpcCodes.indexOf(code);

const codesByStatus: Readonly<Record<number, GrpcCode>> = {
  400: 'INTERNAL',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'UNIMPLEMENTED',
  429: 'UNAVAILABLE',
  502: 'UNAVAILABLE',
  503: 'UNAVAILABLE',
  504: 'UNAVAILABLE',
};

/** What a response without a gRPC status means (http-grpc-status-mapping.md of the gRPC project). */
export const codeOfStatus = (status: number): GrpcCode => codesByStatus[status] ?? 'UNKNOWN';

const nanosecondsPer = { n: 1, u: 1e3, m: 1e6, S: 1e9, M: 60e9, H: 3600e9 } as const;
type Unit = keyof typeof nanosecondsPer;
const units = Object.entries(nanosecondsPer) as [Unit, number][];

const TIMEOUT = /^\d{1,8}[HMSmun]$/;
const MAX_COUNT = 99_999_999;

/** The accepted form, for messages. */
export const GRPC_TIMEOUT_FORM =
  'up to 8 digits and one of the units H, M, S, m, u, n (such as 1500m)';

/** @returns ms, or undefined when `text` is no timeout. */
export function parseGrpcTimeout(text: string): number | undefined {
  if (!TIMEOUT.test(text)) return undefined;
  return (Number(text.slice(0, -1)) * nanosecondsPer[text.at(-1) as Unit]) / 1e6;
}

/** In the finest unit that 8 digits are enough for, rounded down. Never 0: a call with no time left gets the least there is. */
export function formatGrpcTimeout(ms: number): string {
  const nanoseconds = Math.max(1, ms * 1e6);
  const fits = units.find(([, size]) => nanoseconds < (MAX_COUNT + 1) * size);
  if (fits === undefined) return `${MAX_COUNT}H`;
  return `${Math.floor(nanoseconds / fits[1])}${fits[0]}`;
}

/** Ms that the upstream asks its callers to wait before another attempt; `never`: there must not be one. */
export function findPushback(fields: Fields): number | 'never' | undefined {
  const value = firstValue(fields, 'grpc-retry-pushback-ms');
  if (value === undefined) return undefined;
  // What cannot be read forbids it, too (gRFC A6).
  return /^\s*\d+\s*$/.test(value) ? Number(value) : 'never';
}

const encoder = new TextEncoder();

function encodeByte(byte: number): string {
  const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
  return isPlain
    ? String.fromCharCode(byte)
    : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}

/** Percent-encoded for `grpc-message`. @param limit the most characters it may have; no character is cut apart. */
export function encodeGrpcMessage(text: string, limit = Infinity): string {
  let encoded = '';
  for (const character of text) {
    let next = '';
    for (const byte of encoder.encode(character)) next += encodeByte(byte);
    if (encoded.length + next.length > limit) break;
    encoded += next;
  }
  return encoded;
}
