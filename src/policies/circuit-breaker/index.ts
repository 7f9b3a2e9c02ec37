/** Circuit breaker: stops calling an upstream that keeps failing, and probes it before it trusts it again. */
import type { Attempt } from '../../core/attempt.js';
import type { Call } from '../../core/call.js';
import { CallError, type CallFailure } from '../../core/errors.js';
import { createJudge } from '../../core/judge.js';
import { classifyFailure, type Outcome } from '../../core/outcome.js';
import { refuseCall, type AttemptStage } from '../../core/pipeline.js';
import type { Needs, Policy, PolicyContext } from '../../core/policy.js';
import { isOpenEnded, type Reply } from '../../core/reply.js';
import { Shadow } from '../../core/shadow.js';
import { Circuit, type Admission } from './circuit.js';
import { instruments, log } from './instruments.js';
import {
  defaultJudgement,
  schema,
  type CircuitBreakerOptions,
  type CircuitBreakerSettings,
} from './options.js';
import { reasons } from './reasons.js';
import { Sharing, type CircuitBreakerLayer } from './sharing.js';

export type { CircuitBreakerSettings } from './options.js';

function create(
  settings: CircuitBreakerSettings,
  context: PolicyContext,
  previous?: CircuitBreakerLayer,
): CircuitBreakerLayer | undefined {
  const { circuitBreaker } = settings;
  if (circuitBreaker === 'off') return undefined;
  const options: CircuitBreakerOptions = circuitBreaker;
  const { clock, emit, upstream } = context;
  const judge = createJudge(options);
  const slowMs = options.slowCall === 'off' ? Infinity : options.slowCall.duration;
  const circuit = previous?.circuit ?? new Circuit(options, clock, emit);
  circuit.configure(options);
  const shadow = Shadow.open(options.mode, 'circuitBreaker', reasons, emit);
  circuit.onFinding = undefined;
  const sharing = options.shared ? (previous?.sharing ?? new Sharing(circuit, context)) : undefined;
  const retire = sharing?.start(context.store.notices);

  function refuse(): CallError | undefined {
    const refusal = circuit.refusal();
    if (refusal === undefined) return undefined;
    const { why, retryAfterMs } = refusal;
    const message = `Cannot call ${upstream} because its circuit is ${why}`;
    return new CallError(reasons['circuit-open'], message, { retryAfterMs });
  }

  /** Calls that the upstream has not seen yet: their next attempt counts as the first. */
  const unseen = new WeakSet<Call>();

  function record(
    attempt: Attempt,
    admission: Admission,
    outcome: Outcome,
    ranMs: number,
    headMs: number,
  ): void {
    const { call, number } = attempt;
    const isFirst = number === 1 || unseen.delete(call);
    if (isFirst && isUnseen(attempt, outcome)) unseen.add(call);
    const failed = judge(outcome, ranMs);
    if (failed === undefined) return;
    circuit.record(admission, {
      isFailure: failed,
      isSlow: headMs > slowMs,
      isFirst: isFirst && !unseen.has(call),
      endpoint: attempt.endpoint,
      endpoints: call.endpoints,
    });
  }

  /** A stream has done its part with its head: it may last for hours, and end as its caller likes. */
  const isFinal = (reply: Reply, outcome: Outcome, headMs: number) =>
    reply.isComplete || isOpenEnded(reply) || judge(outcome, headMs) !== false;

  function wrap(next: AttemptStage): AttemptStage {
    async function run(attempt: Attempt): Promise<Reply> {
      const refused = refuse();
      if (refused !== undefined) {
        attempt.enter('ended');
        return refuseCall(attempt.call, refused);
      }
      const admission = circuit.admit();
      const startMs = clock.now();
      let reply: Reply;
      try {
        reply = await next.run(attempt);
      } catch (error) {
        const ranMs = clock.now() - startMs;
        circuit.giveBack(admission);
        record(attempt, admission, classifyFailure(error as CallFailure), ranMs, ranMs);
        throw error;
      }
      const headMs = clock.now() - startMs;
      // Not at the end of the body: a long download would keep the probes' places taken and the circuit half-open.
      circuit.giveBack(admission);
      const { outcome } = reply;
      if (outcome !== undefined && isFinal(reply, outcome, headMs)) {
        record(attempt, admission, outcome, headMs, headMs);
      } else {
        // An upstream that dies in mid-body has failed, however well it began.
        reply.onFinished(() =>
          record(attempt, admission, reply.outcome!, clock.now() - startMs, headMs),
        );
      }
      return reply;
    }
    return { run, refusal: (call) => refuse() ?? next.refusal(call) };
  }
  return {
    wrap: shadow === undefined ? wrap : passBy(circuit, wrap, shadow),
    circuit,
    shadow,
    sharing,
    retire,
  };
}

/**
 * In shadow: a call that would be refused goes on, but the circuit sees nothing of it, as if it had been refused. So it
 * opens, probes and closes by the results of the other calls. What an operator orders holds in shadow as well.
 */
const passBy =
  (circuit: Circuit, wrap: CircuitBreakerLayer['wrap'], shadow: Shadow) =>
  (next: AttemptStage): AttemptStage => {
    const judged = wrap(next);
    return {
      run(attempt) {
        const { call } = attempt;
        if (circuit.isForced) return judged.run(attempt);
        if (circuit.refusal() !== undefined) shadow.note(call, reasons['circuit-open'].name);
        return (shadow.hasRefused(call) ? next : judged).run(attempt);
      },
      refusal: (call) => (circuit.isForced ? judged : next).refusal(call),
    };
  };

/** It met a closed connection, or the first endpoint could not be reached while there are others: ejection deals with that. */
function isUnseen({ call, number }: Attempt, { kind }: Outcome): boolean {
  if (kind === 'stale') return true;
  return (
    number === 1 && kind === 'unsent' && call.endpoints?.hasOther(call.triedEndpoints) === true
  );
}

/** Each endpoint is judged as the circuit judges the upstream, also where there is no circuit. */
const needs = ({ circuitBreaker }: CircuitBreakerSettings): Needs => ({
  judge: createJudge(circuitBreaker === 'off' ? defaultJudgement : circuitBreaker),
});

export const circuitBreaker = {
  name: 'circuitBreaker',
  level: 'attempt',
  schema,
  reasons,
  instruments,
  log,
  isShownPerRoute: true,
  needs,
  hasLayerPerRoute: ({ circuitBreaker }) =>
    circuitBreaker !== 'off' && circuitBreaker.scope === 'route',
  create,
  describe: (layer) => ({ circuit: layer?.circuit.snapshot().state ?? null }),
} as const satisfies Policy<
  'circuitBreaker',
  typeof schema,
  CircuitBreakerSettings,
  CircuitBreakerLayer
>;
