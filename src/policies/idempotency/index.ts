/** Idempotency keys: a request that is sent twice is carried out once, and answered twice. */
import type { Call } from '../../core/call.js';
import type { BodyStart } from '../../core/request-body.js';
import { CallError, DEFAULT_RETRY_AFTER_MS, type DeclaredReason } from '../../core/errors.js';
import type { EmitOf } from '../../core/events.js';
import { combinedValue, type Fields } from '../../http/fields.js';
import { encodeKept, keptKinds } from '../../core/kept-response.js';
import { MemoryReply } from '../../core/memory-reply.js';
import type { CallLayer, CallStage } from '../../core/pipeline.js';
import type { Policy, PolicyContext } from '../../core/policy.js';
import { isOpenEnded, type Reply } from '../../core/reply.js';
import { collectBody } from './collect-body.js';
import { REPLAYED, keptHeaders, readEntry, type LockHead, type RecordHead } from './entry.js';
import { instruments, type IdempotencyDecided, type IdempotencyResult } from './instruments.js';
import { schema, type IdempotencyOptions, type IdempotencySettings } from './options.js';
import { reasons } from './reasons.js';

export type { IdempotencySettings } from './options.js';

/** Longest answer that is kept, and longest request body that is compared as a whole, in bytes. */
const MAX_BODY_BYTES = 1024 * 1024;

/** A key may come free between being found taken and being looked at; nobody is that unlucky this often. */
const MAX_CLAIMS = 3;

const canBeKept = (reply: Reply) =>
  reply.status >= 200 &&
  reply.status < 500 &&
  !isOpenEnded(reply) &&
  !(Number(combinedValue(reply.headers, 'content-length')) > MAX_BODY_BYTES);

/** Rejects as soon as the call is ended from outside. */
async function readBody(call: Call): Promise<BodyStart> {
  const { body } = call;
  if (body === undefined) return { bytes: new Uint8Array(), isWhole: true };
  if (call.cancelled !== undefined) throw call.cancelled;
  const start = await new Promise<BodyStart>((resolve, reject) => {
    call.onCancel(reject);
    const settle = (start: BodyStart): void => {
      call.offCancel(reject);
      resolve(start);
    };
    body.readAhead(MAX_BODY_BYTES).then(settle, reject);
  });
  return start;
}

/** A key that this call has taken, or may have taken: a claim whose answer was lost can have arrived. */
interface Claim {
  readonly key: string;
  readonly lock: Buffer;
  readonly fingerprint: string;
}

function create(settings: IdempotencySettings, context: PolicyContext): CallLayer | undefined {
  if (settings.idempotency === 'off') return undefined;
  const options: IdempotencyOptions = settings.idempotency;
  const { upstream, store, hash, createToken } = context;
  const methods = new Set(options.methods);
  const header = options.header.toLowerCase();

  const emit: EmitOf<IdempotencyDecided> = context.emit;

  const report = (result: IdempotencyResult) => emit({ type: 'idempotency-decided', result });

  const refuse = (reason: DeclaredReason, call: Call, why: string, cause?: unknown) =>
    new CallError(reason, `Cannot forward ${call.method} to ${upstream} because ${why}`, {
      cause,
      // The two of them that pass by themselves.
      ...(reason.status === 503 || reason.status === 409
        ? { retryAfterMs: DEFAULT_RETRY_AFTER_MS }
        : {}),
    });

  /** Whose key it is goes into it: nobody gets an answer that was made for another caller. */
  function keyFor(call: Call, key: string): string {
    const caller = combinedValue(call.headers, 'authorization') ?? '';
    return `idempotency:1:${hash(JSON.stringify([upstream, caller, key]))}`;
  }

  /** What has to be the same for a request to be a repetition. */
  function fingerprintOf(call: Call, { bytes, isWhole }: BodyStart): string {
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

  /**
   * Takes the key.
   * @returns the kept answer instead, where there is one.
   * @throws CallError where the key is taken; anything else where the store failed.
   */
  async function take(call: Call, { key, lock, fingerprint }: Claim): Promise<Reply | undefined> {
    for (let claims = 1; claims <= MAX_CLAIMS; claims++) {
      // Both at once: the second is the answer to the first's refusal, without a second way to the store.
      const [isTaken, entry] = await Promise.all([
        store.setIfAbsent(key, lock, options.lockTimeout),
        store.get(key),
      ]);
      if (isTaken) return undefined;
      if (entry !== undefined) return answerFrom(entry, call, fingerprint);
    }
    throw conflict(call);
  }

  function conflict(call: Call): CallError {
    report('conflict');
    const why = 'another request with its idempotency key is still running';
    return refuse(reasons['idempotency-in-progress'], call, why);
  }

  function answerFrom(value: Buffer, call: Call, fingerprint: string): Reply {
    const entry = readEntry(value);
    if (entry.head.fingerprint !== fingerprint) {
      report('mismatch');
      const why = 'its idempotency key was used for a request with another method, path or body';
      throw refuse(reasons['idempotency-mismatch'], call, why);
    }
    if (!entry.isOver) throw conflict(call);
    const { head, body } = entry;
    report('replayed');
    const headers = [...head.headers, REPLAYED, 'true'];
    return new MemoryReply({ ...head, headers }, body, head.trailers);
  }

  /** Never rejects: a key that cannot be freed frees itself after `lockTimeout`. */
  async function free({ key, lock }: Claim): Promise<void> {
    await store.deleteIf(key, lock).catch(() => false);
  }

  /** @returns false where the key no longer holds the call's lock, or the answer is too large for the store. */
  async function keep(claim: Claim, reply: Reply, body: Buffer, trailers: Fields) {
    const { key, lock, fingerprint } = claim;
    const { status, statusText } = reply;
    const headers = keptHeaders(reply.headers);
    const head: RecordHead = { fingerprint, status, statusText, headers, trailers };
    return store.replace(key, lock, encodeKept(keptKinds.response, head, body), options.ttl);
  }

  /** @param isProtected the claim is known to have succeeded; else its failure has been reported already. */
  async function process(call: Call, next: CallStage, claim: Claim, isProtected: boolean) {
    const reply = await next.run(call);
    if (!canBeKept(reply)) {
      // What failed may be tried again at once; a stream goes on long after that is clear.
      if (reply.status >= 500) await free(claim);
      else reply.onFinished(() => void free(claim));
      return reply;
    }
    // The whole of it first: an answer that has begun to leave before it is kept could be lost with its client.
    const collected = await collectBody(reply, MAX_BODY_BYTES);
    if (!('body' in collected)) {
      collected.onFinished(() => void free(claim));
      return collected;
    }
    const { body, trailers } = collected;
    try {
      if (await keep(claim, reply, body, trailers)) report('stored');
      else await free(claim);
    } catch {
      if (isProtected) report('error');
    }
    return new MemoryReply(reply, body, trailers);
  }

  async function runWithKey(call: Call, next: CallStage, key: string): Promise<Reply> {
    const body = await readBody(call);
    const fingerprint = fingerprintOf(call, body);
    const head: LockHead = { fingerprint, token: createToken() };
    const lock = encodeKept(keptKinds.lock, head);
    const claim: Claim = { key: keyFor(call, key), lock, fingerprint };
    let isProtected = true;
    try {
      const kept = await take(call, claim);
      if (kept !== undefined) return kept;
    } catch (error) {
      if (error instanceof CallError) throw error;
      report('error');
      isProtected = false;
      if (options.failClosed) {
        void free(claim);
        const why = 'the store of its idempotency key cannot be used';
        throw refuse(reasons['store-unavailable'], call, why, error);
      }
    }
    try {
      // Ended while the store was asked.
      if (call.cancelled !== undefined) throw call.cancelled;
      // Half a request is none to finish.
      call.outlivesClient = options.finishOnHangUp && body.isWhole;
      return await process(call, next, claim, isProtected);
    } catch (error) {
      await free(claim);
      throw error;
    }
  }

  function wrap(next: CallStage): CallStage {
    return {
      run(call) {
        if (!methods.has(call.method)) return next.run(call);
        const key = combinedValue(call.headers, header);
        if (key !== undefined) return runWithKey(call, next, key);
        if (!options.required) return next.run(call);
        const why = `it needs the header ${options.header}`;
        return Promise.reject(refuse(reasons['idempotency-key-missing'], call, why));
      },
      refusal: (call) => next.refusal(call),
    };
  }
  return { wrap };
}

/**
 * The lock names the call that holds it, so whoever lost it to `lockTimeout` changes nothing when it ends late. Which
 * failures free a key is what the caller sees as one: 5xx, answers of this proxy, answers that cannot be kept.
 */
export const idempotency = {
  name: 'idempotency',
  level: 'call',
  schema,
  reasons,
  instruments,
  create,
} as const satisfies Policy<'idempotency', typeof schema, IdempotencySettings, CallLayer>;
