/** Deadline and total timeout: gives the exchange an end, tells it to the upstream, and ends the call when it comes. */
import type { Call } from '../core/call.js';
import type { Timer } from '../core/clock.js';
import { DEADLINE_FORMS, parseDeadline, usableMs, type Deadline } from '../core/deadline.js';
import { CallError } from '../core/errors.js';
import { Duration, Options, Switchable, Type, type Static } from '../core/options.js';
import type { Layer, Stage } from '../core/pipeline.js';
import type { Policy, PolicyContext } from '../core/policy.js';
import { isOpenEnded, type Reply } from '../core/reply.js';
import type { TimeoutSettings } from './timeout.js';

const schema = Switchable(
  Options(
    {
      header: Type.String({
        default: 'X-Deadline',
        pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
        description: 'Header that carries the deadline, from the client and to the upstream.',
      }),
      buffer: Duration({
        default: '50ms',
        description:
          'How much earlier than the deadline the upstream is told to be done; a call with less time left is not sent.',
      }),
      propagate: Type.Boolean({
        default: true,
        description: 'Whether the upstream is told the deadline.',
      }),
    },
    {
      description: 'Deadline propagation: one instant by which the whole chain of calls must end.',
    },
  ),
);

export interface DeadlineSettings extends TimeoutSettings {
  readonly deadline: Static<typeof schema>;
}

function expired(call: Call, deadline: Deadline, context: PolicyContext): CallError {
  const { upstream } = context;
  return deadline.source === 'header'
    ? new CallError(
        'deadline-expired',
        `Cannot complete ${call.method} at ${upstream} because the caller's deadline has come`,
      )
    : new CallError(
        'timeout-total',
        `Cannot complete ${call.method} at ${upstream} because timeout.total is over`,
      );
}

/** The earlier of the caller's header and `total` from the start of the exchange (gRPC's rule for nested deadlines). */
function findDeadline(
  call: Call,
  bufferMs: number,
  totalMs: number | 'off',
  readsHeader: boolean,
  context: PolicyContext,
): Deadline | undefined {
  const { clock } = context;
  const offsetMs = clock.wallNow() - clock.now();
  let atMs = totalMs === 'off' ? Infinity : call.startedAtMs + totalMs;
  let callerAtMs = Infinity;
  let source: Deadline['source'] = 'total';
  if (readsHeader && call.deadlineHeader !== undefined) {
    const wallMs = parseDeadline(call.deadlineHeader);
    if (wallMs === undefined) {
      throw new CallError(
        'invalid-deadline',
        `Cannot read the deadline ${JSON.stringify(call.deadlineHeader)} of a call to ${context.upstream} because it is not one of: ${DEADLINE_FORMS}`,
      );
    }
    callerAtMs = wallMs - offsetMs;
    if (callerAtMs < atMs) {
      atMs = callerAtMs;
      source = 'header';
    }
  }
  if (atMs === Infinity) return undefined;
  return { atMs, wallMs: atMs + offsetMs, source, callerAtMs, bufferMs };
}

function create(settings: DeadlineSettings, context: PolicyContext): Layer | undefined {
  const { deadline: options, timeout } = settings;
  const totalMs = timeout === 'off' ? 'off' : timeout.total;
  if (options === 'off' && totalMs === 'off') return undefined;
  const bufferMs = options === 'off' ? 0 : options.buffer;
  const { clock } = context;

  function wrap(next: Stage): Stage {
    async function run(call: Call): Promise<Reply> {
      const deadline = findDeadline(call, bufferMs, totalMs, options !== 'off', context);
      if (deadline === undefined) return next.run(call);
      call.deadline = deadline;
      if (usableMs(deadline, clock.now()) <= 0) throw expired(call, deadline, context);
      const endAt = (at: Deadline) =>
        clock.schedule(at.atMs - clock.now(), () => call.cancel(expired(call, at, context)));
      let timer: Timer | undefined = endAt(deadline);
      try {
        const reply = await next.run(call);
        if (isOpenEnded(reply) && deadline.source === 'total') {
          // The stream lasts as long as it likes, but no longer than its caller does.
          timer.cancel();
          const { callerAtMs } = deadline;
          timer =
            callerAtMs === Infinity
              ? undefined
              : endAt({ ...deadline, atMs: callerAtMs, source: 'header' });
        }
        if (timer !== undefined) reply.onFinished(() => timer?.cancel());
        return reply;
      } catch (error) {
        timer?.cancel();
        throw error;
      }
    }
    return { run, refusal: (call) => next.refusal(call) };
  }
  return { wrap };
}

export const deadline = { name: 'deadline', schema, create } as const satisfies Policy<
  'deadline',
  typeof schema,
  DeadlineSettings,
  Layer
>;
