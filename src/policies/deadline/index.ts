/** Deadline and total timeout: gives the exchange an end, tells it to the upstream, and ends the call when it comes. */
import type { Call } from '../../core/call.js';
import { upstreamWallMs, usableMs, type Deadline } from '../../core/deadline.js';
import { DeadlineTimer, deadlineError } from '../../core/deadline-timer.js';
import type { Clock } from '../../core/clock.js';
import { formatDeadline } from '../../http/deadline.js';
import { formatGrpcTimeout } from '../../http/grpc.js';
import type { CallLayer, CallStage, EditRequest } from '../../core/pipeline.js';
import type { Policy, PolicyContext } from '../../core/policy.js';
import type { Reply } from '../../core/reply.js';
import { readCallerDeadline } from './caller-deadline.js';
import { schema, type DeadlineSettings } from './options.js';
import { reasons } from './reasons.js';

export type { DeadlineSettings } from './options.js';

const GRPC_TIMEOUT = 'grpc-timeout';

/**
 * The earliest of the caller's headers, `total` from the start of the call, and the deadline of the call that it is made
 * for, if there is one (gRPC's rule for nested deadlines).
 */
function findDeadline(
  call: Call,
  bufferMs: number,
  totalMs: number | 'off',
  header: string | undefined,
  context: PolicyContext,
  nowMs: number,
): Deadline | undefined {
  const offsetMs = context.clock.wallNow() - nowMs;
  let atMs = totalMs === 'off' ? Infinity : call.startedAtMs + totalMs;
  let callerAtMs =
    header === undefined ? Infinity : readCallerDeadline(call, header, offsetMs, context.upstream);
  let source: Deadline['source'] = 'total';
  if (callerAtMs < atMs) {
    atMs = callerAtMs;
    source = 'header';
  }
  const inherited = call.deadline;
  if (inherited !== undefined) {
    callerAtMs = Math.min(callerAtMs, inherited.callerAtMs);
    if (inherited.atMs < atMs) ({ atMs, source } = inherited);
  }
  if (atMs === Infinity) return undefined;
  return { atMs, wallMs: atMs + offsetMs, source, callerAtMs, bufferMs };
}

function create(settings: DeadlineSettings, context: PolicyContext): CallLayer | undefined {
  const { deadline: options, timeout } = settings;
  const totalMs = timeout === 'off' ? 'off' : timeout.total;
  if (options === 'off' && totalMs === 'off') return undefined;
  const bufferMs = options === 'off' ? 0 : options.buffer;
  const lowerName = options === 'off' ? undefined : options.header.toLowerCase();
  const { clock } = context;

  function wrap(next: CallStage): CallStage {
    async function run(call: Call): Promise<Reply> {
      const nowMs = clock.now();
      const deadline = findDeadline(call, bufferMs, totalMs, lowerName, context, nowMs);
      if (deadline === undefined) return next.run(call);
      call.deadline = deadline;
      const { upstream } = context;
      if (usableMs(deadline, nowMs) <= 0) throw deadlineError(call, deadline, upstream);
      const timer = new DeadlineTimer(call, deadline, upstream, clock);
      try {
        const reply = await next.run(call);
        timer.follow(reply);
        return reply;
      } catch (error) {
        timer.cancel();
        throw error;
      }
    }
    return { run, refusal: (call) => next.refusal(call) };
  }
  return { wrap, requestFields: tellUpstream(options, clock) };
}

function tellUpstream(
  options: DeadlineSettings['deadline'],
  clock: Clock,
): EditRequest | undefined {
  // The policy does not change a header that it does not read.
  if (options === 'off') return undefined;
  const { header, propagate } = options;
  if (!propagate) {
    return (edits, { call }) => {
      edits.remove(header);
      if (call.isGrpc) edits.remove(GRPC_TIMEOUT);
    };
  }
  return (edits, { call }) => {
    const { deadline: end } = call;
    if (end === undefined) return;
    edits.set(header, formatDeadline(upstreamWallMs(end)));
    // A gRPC server ends its streams by it: `timeout.total` does not, so only the caller's own deadline is told.
    if (!call.isGrpc || end.callerAtMs === Infinity) return;
    const leftMs = end.callerAtMs - clock.now() - end.bufferMs;
    edits.set(GRPC_TIMEOUT, formatGrpcTimeout(leftMs));
  };
}

export const deadline = {
  name: 'deadline',
  level: 'call',
  schema,
  // It enforces `timeout.total` as well.
  reads: ['timeout'],
  reasons,
  create,
} as const satisfies Policy<'deadline', typeof schema, DeadlineSettings, CallLayer>;
