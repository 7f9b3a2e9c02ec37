/** Which clients may change the running proxy: holders of the token, or, where none is set, programs on this machine. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { BlockList, isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { isOfUntrustedOrigin } from './origin.js';
import { AdminError } from './problem.js';

/** How the log names a peer without an address. */
const UNIX_SOCKET = 'unix socket';

/** IPv4 addresses mapped into IPv6 (::ffff:127.0.0.1) match as well. */
const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** The address of the connection; headers are not used. */
export function peerOf(request: FastifyRequest): string {
  if (typeof request.server.server.address() === 'string') return UNIX_SOCKET;
  return request.socket.remoteAddress ?? 'unknown';
}

function isLocal(peer: string): boolean {
  if (peer === UNIX_SOCKET) return true;
  const version = isIP(peer);
  return version !== 0 && loopback.check(peer, version === 6 ? 'ipv6' : 'ipv4');
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest();

/**
 * Throws an AdminError for a request that may not write.
 * @param token undefined: loopback only.
 */
export function requireWriteAccess(request: FastifyRequest, token: string | undefined): void {
  if (token === undefined) requireLoopback(request);
  else requireToken(request, token);
}

function requireToken({ headers }: FastifyRequest, token: string): void {
  const given = /^Bearer +(.+)$/i.exec(headers.authorization ?? '')?.[1];
  if (given === undefined) {
    throw new AdminError(
      401,
      'Cannot change anything because admin.token is set and the request has no "Authorization: Bearer TOKEN"',
      { 'WWW-Authenticate': 'Bearer realm="breakwater"' },
    );
  }
  // Digests have the same length and no common prefix, so the time does not depend on the token. Node reads headers as Latin-1.
  if (!timingSafeEqual(sha256(Buffer.from(given, 'latin1')), sha256(Buffer.from(token)))) {
    throw new AdminError(401, 'Cannot change anything because the token is not admin.token', {
      'WWW-Authenticate': 'Bearer realm="breakwater", error="invalid_token"',
    });
  }
}

function requireLoopback(request: FastifyRequest): void {
  const peer = peerOf(request);
  if (!isLocal(peer)) {
    throw new AdminError(
      403,
      `Cannot change anything because ${peer} is not a loopback address and admin.token is not set`,
    );
  }
  // A page in a browser on this machine comes from loopback as well, by DNS rebinding even as same-origin: then the name of
  // the host is not the machine's own.
  if (isOfUntrustedOrigin(request.headers)) {
    throw new AdminError(
      403,
      'Cannot change anything because the request comes from a web page of another origin and admin.token is not set; without a token only the live page itself may, opened as localhost',
    );
  }
}
