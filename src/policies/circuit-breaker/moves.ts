/** Tells of the moves of a circuit: as calls meet them, or, in shadow, as they would have met them. */
import type { EmitOf } from '../../core/events.js';
import type { Mode } from '../../core/mode.js';
import type { CircuitMoved, CircuitRule, CircuitStateName } from './states.js';

export const isForced = (state: string) => state === 'forced-open' || state === 'forced-closed';

/** A circuit in shadow lets calls through in all states but those that an operator has ordered. */
export const stateForCalls = <State extends string>(mode: Mode, state: State): State | 'closed' =>
  mode === 'shadow' && !isForced(state) ? 'closed' : state;

export class Moves {
  readonly #emit: EmitOf<CircuitMoved>;
  #mode: Mode;

  constructor(mode: Mode, emit: EmitOf<CircuitMoved>) {
    this.#mode = mode;
    this.#emit = emit;
  }

  /** @param state of the circuit, which stays; but calls may meet another one from now on. */
  switchTo(mode: Mode, state: CircuitStateName): void {
    const from = stateForCalls(this.#mode, state);
    const to = stateForCalls(mode, state);
    this.#mode = mode;
    if (from === to) return;
    this.#emit({ type: 'circuit-moved', from, to, rule: 'mode', observed: 0, threshold: 0 });
  }

  /** @param observed as in `CircuitMoved`. */
  tell(
    from: CircuitStateName,
    to: CircuitStateName,
    rule: CircuitRule,
    observed: number,
    threshold: number,
  ): void {
    const isOrder = isForced(from) || isForced(to);
    const isSeen = this.#mode === 'enforce' || isOrder;
    this.#emit({
      type: isSeen ? 'circuit-moved' : 'circuit-moved-in-shadow',
      from: isSeen ? stateForCalls(this.#mode, from) : from,
      to,
      rule,
      observed,
      threshold,
    });
  }
}
