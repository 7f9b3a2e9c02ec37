/** gRPC calls, and responses to them. */
import type { CallInit } from '../../src/core/call.js';
import type { Outcome } from '../../src/core/outcome.js';
import type { Fields } from '../../src/http/fields.js';
import type { GrpcCode } from '../../src/http/grpc.js';
import { fakeBody, fakeCall } from './fake-call.js';
import type { FakeReplyInit } from './fake-reply.js';

export const GRPC: Fields = ['content-type', 'application/grpc'];

export const grpcCall = (init: Partial<CallInit> = {}) =>
  fakeCall({ method: 'POST', isGrpc: true, body: fakeBody('message'), ...init });

export const said = (code: GrpcCode, isTrailersOnly = false): Outcome => ({
  kind: 'grpc',
  code,
  isTrailersOnly,
});

export const trailersOnly = (code: GrpcCode, headers: Fields = []): FakeReplyInit => ({
  headers: [...GRPC, ...headers],
  outcome: said(code, true),
  isComplete: true,
});

/** A response whose head has come. */
export const begun: FakeReplyInit = { headers: GRPC, outcome: null };
