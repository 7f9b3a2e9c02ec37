/** Fallback: if a call would end in a failure, sends a substitute from another source, and marks it as one. */
import type { Call, FallbackSource } from '../../core/call.js';
import { DeadlineTimer } from '../../core/deadline-timer.js';
import { usableMs } from '../../core/deadline.js';
import { CallError, ClientGoneError, type CallFailure } from '../../core/errors.js';
import type { EmitOf } from '../../core/events.js';
import { isBadResponse, type BadResponses } from '../../core/outcome.js';
import { MemoryReply } from '../../core/memory-reply.js';
import type { CallLayer, CallStage } from '../../core/pipeline.js';
import type { Needs, Policy, PolicyContext } from '../../core/policy.js';
import type { Reply } from '../../core/reply.js';
import { grpcFaults } from '../../http/grpc.js';
import { instruments, traced, type FallbackKind, type FallbackUsed } from './instruments.js';
import { LastGood } from './last-good.js';
import {
  schema,
  type FallbackEntry,
  type FallbackSettings,
  type StaticResponse,
} from './options.js';

export type { FallbackEntry, FallbackSettings } from './options.js';

/** Bytes of a body to keep for another upstream if `retry` is off: the default of its `bodyLimit`. */
const REPLAY_BYTES = 64 * 1024;

/** Responses that get a substitute, from the upstream or from Breakwater. */
const failures: BadResponses = {
  statuses: new Set([500, 502, 503, 504]),
  grpcCodes: new Set(grpcFaults),
};

const hasFailed = ({ outcome, status }: Reply) =>
  outcome?.kind === 'grpc' ? isBadResponse(outcome, failures) : failures.statuses.has(status);

/** Longest wait for the store, in ms: a store in trouble must not slow calls down. */
const LOOKUP_MS = 50;

/** The same after the deadline: too short for callers to notice. */
const LATE_LOOKUP_MS = 10;

interface Source {
  readonly name: FallbackSource;
  readonly kind: FallbackKind;
  /** @returns undefined if this source has no response. Never rejects. */
  respond(call: Call): Promise<Reply | undefined>;
}

/** How the call would end; the response is not read until it is clear that the client gets it. */
type Ending =
  | { readonly reply: Reply; readonly error?: undefined }
  | { readonly reply?: undefined; readonly error: CallError };

const describe = ({ outcome, status }: Reply) => (outcome?.kind === 'grpc' ? outcome.code : status);

function passOn({ reply, error }: Ending): Reply {
  if (reply === undefined) throw error;
  return reply;
}

/** The last good responses, looked up in the time that is left. */
function fromCache(lastGood: LastGood, maxAgeMs: number, { clock }: PolicyContext): Source {
  function respond(call: Call): Promise<Reply | undefined> {
    const leftMs = call.deadline === undefined ? Infinity : call.deadline.atMs - clock.now();
    const limitMs = Math.max(LATE_LOOKUP_MS, Math.min(LOOKUP_MS, leftMs));
    return new Promise((resolve) => {
      let isOver = false;
      const finish = (reply?: Reply): void => {
        // The store responds too late: the call may have gone on.
        if (isOver) return;
        isOver = true;
        timer.cancel();
        call.offCancel(onCancel);
        resolve(reply);
      };
      const timer = clock.schedule(limitMs, finish);
      // The limit covers a deadline that comes meanwhile. A client that leaves needs no response.
      const onCancel = (error: CallFailure): void => {
        if (error instanceof ClientGoneError) finish();
      };
      call.onCancel(onCancel);
      lastGood.find(call, maxAgeMs).then(finish, () => finish());
    });
  }
  return { name: 'cache', kind: 'cache', respond };
}

/** The pipeline of another upstream, in the time that this call has left. */
function fromUpstream(name: string, { clock, upstream, pipelineOf }: PolicyContext): Source {
  async function respond(call: Call): Promise<Reply | undefined> {
    const { deadline } = call;
    if (call.cancelled !== undefined || call.body?.isReplayable === false) return undefined;
    if (deadline !== undefined && usableMs(deadline, clock.now()) <= 0) return undefined;
    // The timer of the deadline policy may have ended with the failed response.
    const timer = deadline && new DeadlineTimer(call, deadline, upstream, clock);
    try {
      const reply = await pipelineOf(name).run(call);
      if (!hasFailed(reply)) {
        timer?.follow(reply);
        return reply;
      }
      reply.discard();
    } catch {
      // The metrics of the other upstream have its reasons. The caller is told why the first upstream failed.
    }
    timer?.cancel();
    return undefined;
  }
  return { name: `upstream:${name}`, kind: 'upstream', respond };
}

function fromStatic({ status, headers = {}, body = '' }: StaticResponse): Source {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const fields = Object.entries(headers).flatMap(([name, value]) => [name, String(value)]);
  const head = { status, statusText: '', headers: fields };
  const hasBody = status !== 204 && status !== 304;
  if (hasBody) fields.push('Content-Length', String(bytes.length));
  return {
    name: 'static',
    kind: 'static',
    async respond({ method, isGrpc }) {
      // It has no trailers, in which a gRPC client looks for the status.
      if (isGrpc) return undefined;
      return new MemoryReply(head, hasBody && method !== 'HEAD' ? bytes : undefined);
    },
  };
}

const entriesOf = ({ fallback: entries }: Pick<FallbackSettings, 'fallback'>) =>
  entries === 'off' ? [] : entries;

/** Longest `ttl` of a cache among them, in ms; undefined without a cache. */
function longestTtl(entries: readonly FallbackEntry[]): number | undefined {
  const ttls = entries.flatMap(({ cache }) => (cache === undefined ? [] : [cache.ttl]));
  return ttls.length === 0 ? undefined : Math.max(...ttls);
}

/** @returns undefined where neither the upstream nor one of its routes keeps responses. */
function openCache(
  entries: readonly FallbackEntry[],
  { upstream, scopes, store, clock, hash }: PolicyContext<FallbackSettings>,
): LastGood | undefined {
  const newsMs = longestTtl([...entries, ...scopes.flatMap(entriesOf)]);
  if (newsMs === undefined) return undefined;
  const { cache } = store;
  return new LastGood({ upstream, cache, clock, hash, ttlMs: longestTtl(entries), newsMs });
}

/** Where a route has no fallback, but another one keeps responses, its layer passes on the news and changes nothing. */
function create(
  settings: FallbackSettings,
  context: PolicyContext<FallbackSettings>,
): CallLayer | undefined {
  const entries = entriesOf(settings);
  const lastGood = openCache(entries, context);
  if (entries.length === 0 && lastGood === undefined) return undefined;
  const { upstream } = context;
  const emit: EmitOf<FallbackUsed> = context.emit;
  const sources = entries.map((entry): Source => {
    if (entry.cache !== undefined) return fromCache(lastGood!, entry.cache.ttl, context);
    if (entry.upstream !== undefined) return fromUpstream(entry.upstream, context);
    return fromStatic(entry.static!);
  });

  async function substitute(call: Call, ending: Ending): Promise<Reply> {
    const reason = ending.error?.reason ?? '';
    const cause = ending.error?.message ?? `${upstream} responded ${describe(ending.reply!)}`;
    for (const source of sources) {
      const reply = await source.respond(call);
      if (call.cancelled instanceof ClientGoneError) {
        reply?.discard();
        ending.reply?.discard();
        throw call.cancelled;
      }
      if (reply === undefined) continue;
      ending.reply?.discard();
      call.substitution = { source: source.name, reason, cause };
      emit({ type: 'fallback-used', source: source.kind, call });
      return reply;
    }
    return passOn(ending);
  }

  function wrap(next: CallStage): CallStage {
    async function run(call: Call): Promise<Reply> {
      let reply: Reply;
      try {
        reply = await next.run(call);
      } catch (error) {
        if (!(error instanceof CallError) || !failures.statuses.has(error.status)) throw error;
        return substitute(call, { error });
      }
      if (hasFailed(reply)) return substitute(call, { reply });
      return lastGood?.watch(call, reply) ?? reply;
    }
    return { run, refusal: (call) => next.refusal(call) };
  }
  return { wrap };
}

function needs({ fallback: entries, retry }: FallbackSettings): Needs {
  const upstreams = entries === 'off' ? [] : entries.flatMap(({ upstream }) => upstream ?? []);
  if (upstreams.length === 0) return {};
  return retry === 'off' ? { upstreams, replayBytes: REPLAY_BYTES } : { upstreams };
}

export const fallback = {
  name: 'fallback',
  level: 'call',
  schema,
  reads: ['retry'],
  instruments,
  traced,
  needs,
  references: {
    upstreams: [['*', 'upstream']],
    files: [{ at: ['*', 'static', 'bodyFile'], into: 'body' }],
    headers: [['*', 'static', 'headers']],
  },
  create,
} as const satisfies Policy<'fallback', typeof schema, FallbackSettings, CallLayer>;
