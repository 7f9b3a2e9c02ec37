/** Which clients may change the running proxy: holders of the token, or, where none is set, programs on this machine. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { BlockList, isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { isOfUntrustedOrigin } from './origin.js';
import { AdminError } from './problem.js';
import { CALM_MS, MOST_WAITING, MOST_WRONG, WAIT_MS, type WrongTokens } from './wrong-tokens.js';

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
 * In a time that does not depend on the token: digests have the same length, and their common prefix says nothing.
 * @param given as Node reads header fields: in Latin-1.
 */
export function isSameToken(given: string, token: string, compare = timingSafeEqual): boolean {
  return compare(sha256(Buffer.from(given, 'latin1')), sha256(Buffer.from(token)));
}

/**
 * Throws an AdminError for a request that may not write.
 * @param token undefined: loopback only.
 */
export async function requireWriteAccess(
  request: FastifyRequest,
  token: string | undefined,
  wrongTokens: WrongTokens,
): Promise<void> {
  if (token === undefined) requireLoopback(request);
  else await requireToken(request, token, wrongTokens);
}

const challenge = 'Bearer realm="breakwater"';
const invalid = { 'WWW-Authenticate': `${challenge}, error="invalid_token"` };
const retryAfter = (ms: number) => ({ 'Retry-After': String(ms / 1000) });

async function requireToken(
  request: FastifyRequest,
  token: string,
  wrongTokens: WrongTokens,
): Promise<void> {
  const given = /^Bearer +(.+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (given === undefined) {
    throw new AdminError(
      401,
      'Cannot change anything because admin.token is set and the request has no "Authorization: Bearer TOKEN"',
      { 'WWW-Authenticate': challenge },
    );
  }
  const peer = peerOf(request);
  const turn = wrongTokens.turnOf(peer);
  if (turn === false) {
    throw new AdminError(
      429,
      `Cannot change anything because ${MOST_WAITING} tokens from ${peer} wait for their check, after many wrong ones; send it again later`,
      retryAfter(WAIT_MS),
      { isLogged: false },
    );
  }
  if (turn !== undefined) await turn;
  if (isSameToken(given, token)) return;
  const wrong = wrongTokens.note(peer);
  if (wrong <= MOST_WRONG) {
    throw new AdminError(
      401,
      'Cannot change anything because the token is not admin.token',
      invalid,
    );
  }
  throw new AdminError(
    429,
    `Cannot change anything because the token is not admin.token, like the ${MOST_WRONG} before it from ${peer}; each token from there is now checked after ${WAIT_MS / 1000} s, until no wrong one has come for ${CALM_MS / 1000} s`,
    { ...invalid, ...retryAfter(CALM_MS) },
    // One line for all of them.
    { isLogged: wrong === MOST_WRONG + 1 },
  );
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
