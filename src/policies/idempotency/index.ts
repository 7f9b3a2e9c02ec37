/** Idempotency keys: a request that is sent twice is carried out once, and gets its response twice. */
import type { Call } from '../../core/call.js';
import { CallError, DEFAULT_RETRY_AFTER_MS, type DeclaredReason } from '../../core/errors.js';
import type { EmitOf } from '../../core/events.js';
import { combinedValue } from '../../http/fields.js';
import { encodeKept, encodeResponse, keptKinds } from '../../core/kept-response.js';
import { MemoryReply } from '../../core/memory-reply.js';
import type { CallLayer, CallStage } from '../../core/pipeline.js';
import type { Needs, Policy, PolicyContext } from '../../core/policy.js';
import { isOpenEnded, type Reply } from '../../core/reply.js';
import { collectBody } from './collect-body.js';
import { REPLAYED, keptHeaders, readEntry, type LockHead, type RecordHead } from './entry.js';
import { HeldKey, type HeldKeyOptions } from './held-key.js';
import { instruments, type IdempotencyDecided, type IdempotencyResult } from './instruments.js';
import { schema, type IdempotencyOptions, type IdempotencySettings } from './options.js';
import { reasons } from './reasons.js';
import { fingerprintOf, keyFor, readBody, unlessCancelled } from './request.js';

export type { IdempotencySettings } from './options.js';

/** Longest response that is kept, in bytes. */
const MAX_BODY_BYTES = 1024 * 1024;

/** Between looks at a call that a repeated request waits for: the first pause, which doubles up to the last. */
const MIN_LOOK_MS = 10;
const MAX_LOOK_MS = 250;

/** Refusals that pass by themselves say when to come again. */
const passing = new Set([409, 503]);

/** They say that the request was not carried out, and may come again later. */
const comeBackLater = new Set([408, 425, 429]);

const isOutcome = ({ status }: Reply) => status < 500 && !comeBackLater.has(status);

const canBeKept = (reply: Reply) =>
  reply.status >= 200 &&
  isOutcome(reply) &&
  !isOpenEnded(reply) &&
  !(Number(combinedValue(reply.headers, 'content-length')) > MAX_BODY_BYTES);

function create(settings: IdempotencySettings, context: PolicyContext): CallLayer | undefined {
  if (settings.idempotency === 'off') return undefined;
  const options: IdempotencyOptions = settings.idempotency;
  const { upstream, clock, createToken } = context;
  const { records, safeRecords } = context.store;
  const methods = new Set(options.methods);
  const header = options.header.toLowerCase();
  const holding: HeldKeyOptions = {
    // A call that must not be carried out twice waits for a lock that a failover does not lose.
    records: options.failClosed ? safeRecords : records,
    clock,
    lockMs: options.lockTimeout,
    waiting: { bytes: 0 },
  };

  const emit: EmitOf<IdempotencyDecided> = context.emit;

  const report = (result: IdempotencyResult) => emit({ type: 'idempotency-decided', result });

  const refuse = (reason: DeclaredReason, call: Call, why: string, cause?: unknown) =>
    new CallError(reason, `Cannot forward ${call.method} to ${upstream} because ${why}`, {
      cause,
      ...(passing.has(reason.status) ? { retryAfterMs: DEFAULT_RETRY_AFTER_MS } : {}),
    });

  /**
   * Takes the key, or waits for the call that has it.
   * @returns the kept response instead, where there is one.
   * @throws CallError where the key is taken; anything else where the store failed.
   */
  async function take(call: Call, key: HeldKey, fingerprint: string): Promise<Reply | undefined> {
    const untilMs = clock.now() + options.wait;
    let isTaken = false;
    for (let pauseMs = MIN_LOOK_MS; ; pauseMs = Math.min(2 * pauseMs, MAX_LOOK_MS)) {
      try {
        const held = await key.claim();
        if (held === undefined) return undefined;
        const reply = responseFrom(held, call, fingerprint);
        if (reply !== undefined) return reply;
        isTaken = true;
      } catch (error) {
        // That the store is away now does not mean that the other call is over.
        if (!isTaken || error instanceof CallError) throw error;
      }
      const leftMs = untilMs - clock.now();
      if (leftMs <= 0) throw conflict(call);
      await unlessCancelled<void>(call, (resolve) => {
        const timer = clock.schedule(Math.min(pauseMs, leftMs), resolve);
        return () => timer.cancel();
      });
    }
  }

  function conflict(call: Call): CallError {
    report('conflict');
    const why = 'another request with its idempotency key is still running';
    return refuse(reasons['idempotency-in-progress'], call, why);
  }

  /** @returns undefined while the first request is still running. */
  function responseFrom(value: Buffer, call: Call, fingerprint: string): Reply | undefined {
    const entry = readEntry(value);
    if (entry.head.fingerprint !== fingerprint) {
      report('mismatch');
      const why = 'its idempotency key was used for a request with another method, path or body';
      throw refuse(reasons['idempotency-mismatch'], call, why);
    }
    if (!entry.isOver) return undefined;
    const { head, body } = entry;
    report('replayed');
    const headers = [...head.headers, REPLAYED, 'true'];
    return new MemoryReply({ ...head, headers }, body, head.trailers);
  }

  /** @param isProtected the claim is known to have succeeded; otherwise its failure has been reported already. */
  async function process(
    call: Call,
    next: CallStage,
    key: HeldKey,
    { fingerprint, isProtected }: { fingerprint: string; isProtected: boolean },
  ) {
    const reply = await next.run(call);
    if (!canBeKept(reply)) {
      // What was not carried out may be sent again at once; a stream goes on long after that is clear.
      if (isOutcome(reply)) reply.onFinished(() => void key.free());
      else await key.free();
      return reply;
    }
    // The whole of it first: a response that has begun to leave before it is kept could be lost with its client.
    const collected = await collectBody(reply, MAX_BODY_BYTES);
    if (!('chunks' in collected)) {
      collected.onFinished(() => void key.free());
      return collected;
    }
    const { chunks, trailers } = collected;
    const { status, statusText } = reply;
    const headers = keptHeaders(reply.headers);
    const head: RecordHead = { fingerprint, status, statusText, headers, trailers };
    const record = encodeResponse(
      head,
      chunks.map(({ bytes }) => bytes),
    );
    await key.keep(record, options.ttl, (result) => {
      if (result === 'kept') report('stored');
      else if (result === 'failed' && isProtected) report('error');
    });
    return new MemoryReply(reply, chunks, trailers);
  }

  async function runWithKey(call: Call, next: CallStage, value: string): Promise<Reply> {
    const body = await readBody(call);
    const fingerprint = fingerprintOf(call, body, context);
    const head: LockHead = { fingerprint, token: createToken() };
    const lock = encodeKept(keptKinds.lock, head);
    const key = new HeldKey(keyFor(call, value, options, context), lock, holding);
    let isProtected = true;
    try {
      const kept = await take(call, key, fingerprint);
      if (kept !== undefined) return kept;
    } catch (error) {
      if (error instanceof CallError || error === call.cancelled) throw error;
      report('error');
      isProtected = false;
      if (options.failClosed) {
        void key.free();
        const why = 'the store of its idempotency key cannot be used';
        throw refuse(reasons['store-unavailable'], call, why, error);
      }
    }
    try {
      // Ended while the store was asked.
      if (call.cancelled !== undefined) throw call.cancelled;
      key.hold();
      // Half a request is none to finish.
      call.outlivesClient = options.finishOnHangUp && body.isWhole;
      return await process(call, next, key, { fingerprint, isProtected });
    } catch (error) {
      await key.free();
      throw error;
    }
  }

  function wrap(next: CallStage): CallStage {
    return {
      run(call) {
        // A gRPC response may be a stream, which cannot be kept, and its request may go on for as long.
        if (!methods.has(call.method) || call.isGrpc) return next.run(call);
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
 * What frees a key is what the caller sees as a failure: 5xx, 408, 425, 429, responses of this proxy, and responses that
 * cannot be kept.
 */
export const idempotency = {
  name: 'idempotency',
  level: 'call',
  schema,
  reasons,
  instruments,
  needs({ idempotency: options }: IdempotencySettings): Needs {
    const isRequired = options !== 'off' && options.required;
    return isRequired ? { callerField: { name: options.header, methods: options.methods } } : {};
  },
  create,
} as const satisfies Policy<'idempotency', typeof schema, IdempotencySettings, CallLayer>;
