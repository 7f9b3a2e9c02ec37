/** What a request with a key is known by: whose key it is, and what it asks for. */
import type { Call } from '../../core/call.js';
import type { PolicyContext } from '../../core/policy.js';
import type { BodyStart } from '../../core/request-body.js';
import { combinedValue } from '../../http/fields.js';
import type { IdempotencyOptions } from './options.js';

/** Longest request body that is compared as a whole, in bytes. */
const MAX_BODY_BYTES = 1024 * 1024;

const nothing = (): void => {};

type Context = Pick<PolicyContext, 'upstream' | 'hash'>;

/** Rejects as soon as the call is ended from outside. */
export async function readBody(call: Call): Promise<BodyStart> {
  const { body } = call;
  if (body === undefined) return { bytes: new Uint8Array(), isWhole: true };
  return unlessCancelled(call, (resolve, reject) => {
    body.readAhead(MAX_BODY_BYTES).then(resolve, reject);
    return nothing;
  });
}

/**
 * Waits for something, at most until the call is ended from outside: then it rejects with the reason.
 * @param begin gets what to call at its end. @returns what gives it up.
 */
export function unlessCancelled<T>(
  call: Call,
  begin: (resolve: (result: T) => void, reject: (error: unknown) => void) => () => void,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    if (call.cancelled !== undefined) return reject(call.cancelled);
    let giveUp = nothing;
    const onCancel = (error: Error): void => {
      giveUp();
      reject(error);
    };
    call.onCancel(onCancel);
    const settled =
      <V>(settle: (value: V) => void) =>
      (value: V): void => {
        call.offCancel(onCancel);
        settle(value);
      };
    giveUp = begin(settled(resolve), settled(reject));
  });
}

/** Whose key it is goes into it: no caller gets a response that was made for another one. */
export function keyFor(
  call: Call,
  key: string,
  { caller }: IdempotencyOptions,
  { upstream, hash }: Context,
): string {
  const name = caller === 'off' ? undefined : caller.header.toLowerCase();
  const value = (name === undefined ? undefined : combinedValue(call.headers, name)) ?? '';
  return `idempotency:1:${hash(JSON.stringify([upstream, value, key]))}`;
}

/** What has to be the same for a request to be a repetition. */
export function fingerprintOf(
  call: Call,
  { bytes, isWhole }: BodyStart,
  { hash }: Context,
): string {
  const parts: unknown[] = [call.method, call.path];
  if (isWhole) parts.push(hash(bytes));
  // Of a longer one, what can be known without holding all of it.
  else
    parts.push(
      hash(bytes.subarray(0, MAX_BODY_BYTES)),
      combinedValue(call.headers, 'content-length'),
    );
  return hash(JSON.stringify(parts));
}
