/** Why an exchange ends without the response that it was given, or without any. */
import type { Call } from '../core/call.js';
import { CallError, ClientGoneError, type CallFailure } from '../core/errors.js';
import type { Reply } from '../core/reply.js';

/** The client closed its connection. */
export const clientLeft = (): ClientGoneError =>
  new ClientGoneError(499, 'Cannot respond because the client closed its connection');

/** @param why what the parser says. */
export const malformedBody = (upstream: string, why: string): ClientGoneError =>
  new ClientGoneError(
    400,
    `Cannot forward the request to ${upstream} because its body is malformed: ${why}`,
  );

/** @param cause what the protocol of the client says. */
export const unwritableHead = (upstream: string, cause: Error): CallError =>
  new CallError(
    'upstream-protocol-error',
    `Cannot pass on the response of ${upstream} because its head cannot be written: ${cause.message}`,
  );

/**
 * Why a response that is here must not be sent.
 * @param isGone the client has left.
 * @returns undefined where it can be sent.
 */
export function failureInstead(call: Call, reply: Reply, isGone: boolean): CallFailure | undefined {
  const { cancelled, substitution } = call;
  // Below 500, the client itself is the cause.
  if (cancelled === undefined || cancelled.status < 500) return cancelled;
  // A substitute that is complete is sent although the deadline, which may have called for it, is over.
  if (substitution === undefined || !reply.isComplete) return cancelled;
  // The call was cancelled before, so it was not told that the client left.
  return isGone ? clientLeft() : undefined;
}

/** A client gets a response even where our own code is defective. */
export function asFailure(error: unknown, upstream: string): CallFailure {
  if (error instanceof CallError || error instanceof ClientGoneError) return error;
  return new CallError(
    'upstream-protocol-error',
    `Cannot complete the call to ${upstream} because of an unexpected error: ${String(error)}`,
    { cause: error },
  );
}
