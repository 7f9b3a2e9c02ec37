/** The circuit breaker's state machine: what it counts, when it opens, and how it finds its way back. */
import type { Clock } from '../../core/clock.js';
import type { EmitOf } from '../../core/events.js';
import type { CircuitSnapshot, ForcedState, InspectableCircuit } from '../../core/inspect.js';
import { DEFAULT_RETRY_AFTER_MS } from '../../core/errors.js';
import { SlidingWindow } from '../../lib/sliding-window.js';
import { FailureRow, type RowResult } from './failure-row.js';
import { isForced, Moves } from './moves.js';
import { findCause } from './opening.js';
import {
  windowOf,
  type CircuitMoved,
  type CircuitRefusal,
  type CircuitRule,
  type CircuitRules,
  type CircuitState,
  type CountedResult,
  type Finding,
} from './states.js';

/** What let an attempt through; hand it back with the attempt's result. */
export type Admission = CircuitState;

/**
 * No timers: what is due by time (probing, the end of an override) happens when the circuit is next asked or read.
 *
 * While closed, failures in a row count for ever, and shares over the first attempts in the window. The states and the window are
 * resilience4j's, consecutive failures and the growing recovery time Polly's and Envoy's (outlier ejection).
 */
export class Circuit implements InspectableCircuit {
  #rules: CircuitRules;
  readonly #clock: Clock;
  readonly #moves: Moves;
  #window: SlidingWindow;
  #minimumCalls = 0;
  readonly #row = new FailureRow();
  #state: CircuitState;
  /** Is told what this circuit finds out by itself; undefined where no replica wants to know. */
  onFinding: ((finding: Finding) => void) | undefined;

  constructor(rules: CircuitRules, clock: Clock, emit: EmitOf<CircuitMoved>) {
    this.#rules = rules;
    this.#clock = clock;
    this.#moves = new Moves(rules.mode, emit);
    this.#window = new SlidingWindow(windowOf(rules).window);
    this.#state = { kind: 'closed', sinceWallMs: clock.wallNow() };
    this.configure(rules);
  }

  /** Goes on in its state under other rules; only a window of another length starts from nothing. */
  configure(rules: CircuitRules): void {
    const { window, minimumCalls } = windowOf(rules);
    if (window !== windowOf(this.#rules).window) this.#window = new SlidingWindow(window);
    this.#minimumCalls = minimumCalls;
    this.#row.configure(rules);
    this.#rules = rules;
    this.#moves.switchTo(rules.mode, this.#settle().kind);
  }

  get isForced(): boolean {
    return isForced(this.#settle().kind);
  }

  /** What an attempt would be refused with right now; takes nothing. */
  refusal(): CircuitRefusal | undefined {
    const state = this.#settle();
    switch (state.kind) {
      case 'closed':
      case 'forced-closed':
        return undefined;
      case 'half-open':
        return state.probes < this.#rules.halfOpenMaxCalls
          ? undefined
          : {
              why: `half-open and its ${state.probes} probes are under way`,
              retryAfterMs: DEFAULT_RETRY_AFTER_MS,
            };
      case 'open': {
        const retryAfterMs = this.#msUntil(state.untilMs);
        const seconds = Math.ceil(retryAfterMs / 1000);
        return { why: `open: ${state.why}; probing starts in ${seconds} s`, retryAfterMs };
      }
      case 'forced-open':
        return { why: 'forced open by an operator', retryAfterMs: this.#msUntil(state.untilMs) };
    }
  }

  /** Lets an attempt through; only when `refusal` has just said nothing. A probe's permit is taken until `giveBack`. */
  admit(): Admission {
    if (this.#state.kind === 'half-open') this.#state.probes++;
    return this.#state;
  }

  /** Returns the permit of a probe, once per `admit`; of no effect in other states. */
  giveBack(admission: Admission): void {
    if (admission.kind === 'half-open') admission.probes--;
  }

  /**
   * Counts a result, unless the circuit has left the state that admitted the attempt. Neutral ones stay away. Retries
   * stay out of the window: else a call that fails would weigh as much as several that succeed.
   */
  record(admission: Admission, result: CountedResult): void {
    const { isFailure, isSlow, isFirst } = result;
    const state = this.#state;
    if (state !== admission || state.kind === 'forced-closed') return;
    const nowMs = this.#clock.now();
    if (isFirst) this.#window.record(nowMs, isFailure, isSlow);
    this.#row.note(result);
    if (state.kind === 'closed') return this.#judge(nowMs, result);
    if (state.kind !== 'half-open') return;
    const { successThreshold, recoveryMultiplier } = this.#rules;
    if (isFailure) {
      // Otherwise the next probe goes to another endpoint.
      if (!this.#row.isOfUpstream(result)) return;
      this.#open(state.recoveryMs * recoveryMultiplier, 'a probe failed', 'probeFailure', 1, 1);
    } else if (++state.successes >= successThreshold) {
      this.#close('successThreshold', state.successes, successThreshold);
      this.onFinding?.({ kind: 'closed' });
    }
  }

  /**
   * What another replica found out. It opens a closed circuit, for what is left of the finder's recovery time; and it
   * closes one that is not closed only because of another replica. Where this circuit has judged for itself, that stands.
   */
  hear(finding: Finding, leftMs: number): void {
    const state = this.#settle();
    if (finding.kind === 'closed') {
      if ('isTold' in state && state.isTold) this.#close('told', 0, 0);
    } else if (state.kind === 'closed') {
      const recoveryMs = Math.min(finding.recoveryMs, this.#rules.maxRecoveryTimeout);
      const restMs = Math.min(leftMs, recoveryMs);
      const untilMs = this.#clock.now() + restMs;
      const why = `${finding.why}, as another replica found`;
      this.#enterOpen({ recoveryMs, untilMs, why, isTold: true }, 'told', restMs, recoveryMs);
    }
  }

  snapshot(): CircuitSnapshot {
    const state = this.#settle();
    const { total, failures } = this.#window.counts(this.#clock.now());
    return {
      state: state.kind,
      mode: this.#rules.mode,
      consecutiveFailures: this.#row.length,
      failureRate: total < this.#minimumCalls ? null : failures / total,
      sinceWallMs: state.sinceWallMs,
      isTold: 'isTold' in state && state.isTold,
      retryAfterMs:
        state.kind === 'open' || state.kind === 'forced-open' ? this.#msUntil(state.untilMs) : 0,
      endsInMs: 'untilMs' in state && state.untilMs !== Infinity ? this.#msUntil(state.untilMs) : 0,
    };
  }

  /**
   * As resilience4j's FORCED_OPEN and DISABLED: everything is refused, or everything let through, and nothing counted.
   * The end of an override, by `auto` or by its time, is a fresh closed circuit: what was counted before it says
   * little about the upstream of now. `auto` without an override changes nothing.
   */
  force(to: ForcedState, ttlMs = Infinity): void {
    const state = this.#settle();
    if (to === 'auto') {
      if (isForced(state.kind)) this.#close('forced', 0, 0);
      return;
    }
    const untilMs = this.#clock.now() + ttlMs;
    // The same override again only changes its end.
    if (state.kind === to) this.#state = { ...state, kind: to, untilMs };
    else this.#move({ kind: to, untilMs, sinceWallMs: this.#clock.wallNow() }, 'forced', 0, 0);
  }

  /** Makes the move that has fallen due by time, as of the instant at which it was due. */
  #settle(): CircuitState {
    const state = this.#state;
    if (state.kind === 'closed' || state.kind === 'half-open') return state;
    const nowMs = this.#clock.now();
    if (nowMs < state.untilMs) return state;
    const sinceWallMs = this.#clock.wallNow() - (nowMs - state.untilMs);
    if (state.kind === 'open') {
      const { recoveryMs, isTold } = state;
      const none = { probes: 0, successes: 0 };
      const probing = { kind: 'half-open', recoveryMs, isTold, sinceWallMs, ...none } as const;
      this.#move(probing, 'recoveryTimeout', nowMs - state.untilMs + recoveryMs, recoveryMs);
    } else {
      this.#close('forced', 0, 0, sinceWallMs);
    }
    return this.#state;
  }

  /** Opens a closed circuit if one of its rules says so. */
  #judge(nowMs: number, last: RowResult): void {
    const { failureThreshold, recoveryTimeout } = this.#rules;
    const { length } = this.#row;
    const isRow = failureThreshold !== 'off' && length >= failureThreshold;
    const inRow = isRow && this.#row.isOfUpstream(last) ? length : 0;
    const counts = this.#window.counts(nowMs);
    const cause = findCause(this.#rules, inRow, this.#minimumCalls, counts);
    if (cause === undefined) return;
    this.#open(recoveryTimeout, cause.why, cause.rule, cause.observed, cause.threshold);
  }

  #open(
    wantedMs: number,
    why: string,
    rule: CircuitRule,
    observed: number,
    threshold: number,
  ): void {
    const recoveryMs = Math.min(wantedMs, this.#rules.maxRecoveryTimeout);
    const untilMs = this.#clock.now() + recoveryMs;
    this.#enterOpen({ recoveryMs, untilMs, why, isTold: false }, rule, observed, threshold);
    this.onFinding?.({ kind: 'open', recoveryMs, why });
  }

  #enterOpen(
    state: Omit<Extract<CircuitState, { kind: 'open' }>, 'kind' | 'sinceWallMs'>,
    rule: CircuitRule,
    observed: number,
    threshold: number,
  ): void {
    this.#row.forgetEndpoints();
    const sinceWallMs = this.#clock.wallNow();
    this.#move({ ...state, kind: 'open', sinceWallMs }, rule, observed, threshold);
  }

  /** A closed circuit starts from nothing. */
  #close(
    rule: CircuitRule,
    observed: number,
    threshold: number,
    sinceWallMs = this.#clock.wallNow(),
  ): void {
    this.#window.clear();
    this.#row.end();
    this.#move({ kind: 'closed', sinceWallMs }, rule, observed, threshold);
  }

  #move(to: CircuitState, rule: CircuitRule, observed: number, threshold: number): void {
    const from = this.#state.kind;
    this.#state = to;
    this.#moves.tell(from, to.kind, rule, observed, threshold);
  }

  #msUntil(atMs: number): number {
    return atMs === Infinity
      ? DEFAULT_RETRY_AFTER_MS
      : Math.max(1, Math.ceil(atMs - this.#clock.now()));
  }
}
