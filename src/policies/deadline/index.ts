/** Deadline and total timeout: gives the exchange an end, tells it to the upstream, and ends the call when it comes. */
import type { Call } from '../../core/call.js';
import { upstreamWallMs, usableMs, type Deadline } from '../../core/deadline.js';
import { DeadlineTimer, deadlineError } from '../../core/deadline-timer.js';
import { CallError } from '../../core/errors.js';
import { combinedValue, firstValue } from '../../http/fields.js';
import { DEADLINE_FORMS, formatDeadline, parseDeadline } from '../../http/deadline.js';
import type { CallLayer, CallStage, EditRequest } from '../../core/pipeline.js';
import type { Policy, PolicyContext } from '../../core/policy.js';
import type { Reply } from '../../core/reply.js';
import { schema, type DeadlineSettings } from './options.js';
import { reasons } from './reasons.js';

export type { DeadlineSettings } from './options.js';

/** Undefined without the field. An empty field is not a deadline, and is refused. */
const readHeader = ({ headers }: Call, lowerName: string) =>
  combinedValue(headers, lowerName) ?? firstValue(headers, lowerName);

/**
 * The earliest of the caller's header, `total` from the start of the call, and the deadline of the call that it is made
 * for, if there is one (gRPC's rule for nested deadlines).
 */
function findDeadline(
  call: Call,
  bufferMs: number,
  totalMs: number | 'off',
  header: string | undefined,
  context: PolicyContext,
): Deadline | undefined {
  const { clock } = context;
  const offsetMs = clock.wallNow() - clock.now();
  let atMs = totalMs === 'off' ? Infinity : call.startedAtMs + totalMs;
  let callerAtMs = Infinity;
  let source: Deadline['source'] = 'total';
  const written = header === undefined ? undefined : readHeader(call, header);
  if (written !== undefined) {
    const wallMs = parseDeadline(written);
    if (wallMs === undefined) {
      throw new CallError(
        reasons['invalid-deadline'],
        `Cannot read the deadline ${JSON.stringify(written)} of a call to ${context.upstream} because it is not one of: ${DEADLINE_FORMS}`,
      );
    }
    callerAtMs = wallMs - offsetMs;
    if (callerAtMs < atMs) {
      atMs = callerAtMs;
      source = 'header';
    }
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
      const deadline = findDeadline(call, bufferMs, totalMs, lowerName, context);
      if (deadline === undefined) return next.run(call);
      call.deadline = deadline;
      const { upstream } = context;
      if (usableMs(deadline, clock.now()) <= 0) throw deadlineError(call, deadline, upstream);
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
  return { wrap, requestFields: tellUpstream(options) };
}

function tellUpstream(options: DeadlineSettings['deadline']): EditRequest | undefined {
  // The policy does not change a header that it does not read.
  if (options === 'off') return undefined;
  const { header, propagate } = options;
  if (!propagate) return (edits) => edits.remove(header);
  return (edits, { call }) => {
    const { deadline: end } = call;
    if (end !== undefined) edits.set(header, formatDeadline(upstreamWallMs(end)));
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
