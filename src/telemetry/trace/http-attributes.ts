/** What spans say of requests and of addresses, by the semantic conventions of OpenTelemetry (HTTP spans, RPC spans). */
import {
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_REQUEST_METHOD_ORIGINAL,
  ATTR_NETWORK_PEER_ADDRESS,
  ATTR_NETWORK_PEER_PORT,
  ATTR_NETWORK_PROTOCOL_VERSION,
  ATTR_NETWORK_TRANSPORT,
  ATTR_RPC_METHOD,
  ATTR_RPC_SYSTEM_NAME,
  ATTR_SERVER_ADDRESS,
  ATTR_SERVER_PORT,
  NETWORK_TRANSPORT_VALUE_UNIX,
} from '@opentelemetry/semantic-conventions';
import type { Place } from './places.js';
import { shorten } from './shorten.js';
import type { Span } from './span.js';

export type Attributes = Span['attributes'];

/** RFC 9110, PATCH of RFC 5789, and QUERY. */
const known: ReadonlySet<string> = new Set([
  'CONNECT',
  'DELETE',
  'GET',
  'HEAD',
  'OPTIONS',
  'PATCH',
  'POST',
  'PUT',
  'QUERY',
  'TRACE',
]);

/** For a method that is not known, so that the number of values is bounded. */
const OTHER = '_OTHER';

/** @returns what a span's name says of the method. */
export function describeMethod(attributes: Attributes, method: string): string {
  if (known.has(method)) {
    attributes[ATTR_HTTP_REQUEST_METHOD] = method;
    return method;
  }
  attributes[ATTR_HTTP_REQUEST_METHOD] = OTHER;
  attributes[ATTR_HTTP_REQUEST_METHOD_ORIGINAL] = shorten(method);
  return 'HTTP';
}

/** @param path `/package.Service/Method`. @returns the name of the span. */
export function describeRpc(attributes: Attributes, path: string): string {
  const method = path.startsWith('/') ? path.slice(1) : path;
  attributes[ATTR_RPC_SYSTEM_NAME] = 'grpc';
  attributes[ATTR_RPC_METHOD] = method;
  return method;
}

/** @param version as `Via` or a connection has it: `1.1`, `2.0`. */
export function describeProtocol(attributes: Attributes, version: string): void {
  attributes[ATTR_NETWORK_PROTOCOL_VERSION] = version === '2.0' ? '2' : version;
}

/** @param scheme `http` or `https`: says which port is meant where none is written. */
export function describeServer(
  attributes: Attributes,
  { host, port }: Place,
  scheme: string,
): void {
  if (host === '') return;
  attributes[ATTR_SERVER_ADDRESS] = host;
  attributes[ATTR_SERVER_PORT] = port ?? (scheme === 'https' ? 443 : 80);
}

/** @param socket its path. */
export function describeSocket(attributes: Attributes, socket: string): void {
  attributes[ATTR_NETWORK_TRANSPORT] = NETWORK_TRANSPORT_VALUE_UNIX;
  attributes[ATTR_NETWORK_PEER_ADDRESS] = socket;
}

/** A name says nothing of the peer. */
export function describePeer(attributes: Attributes, { host, port, isIp }: Place): void {
  if (!isIp) return;
  attributes[ATTR_NETWORK_PEER_ADDRESS] = host;
  if (port !== undefined) attributes[ATTR_NETWORK_PEER_PORT] = port;
}

/**
 * Names of query parameters whose values are secret: those of signed URLs that the conventions list, and common names of
 * credentials.
 */
const SECRET_VALUE =
  /((?:^|&)(?:AWSAccessKeyId|Signature|sig|X-Goog-Signature|X-Amz-Signature|X-Amz-Credential|X-Amz-Security-Token|access_token|api[_-]?key|client_secret|id_token|key|passw(?:or)?d|refresh_token|secret|token)=)[^&]*/gi;

const REDACTED = '$1REDACTED';

/** @param query without the question mark. */
export const redactQuery = (query: string): string => query.replace(SECRET_VALUE, REDACTED);
