/** The metrics of a circuit, and the lines that it has in the log. */
import type { Counter, LoggedEvent, StateGauge } from '../../core/instruments.js';
import { formatPercent } from '../../lib/percent.js';
import { stateForCalls } from './moves.js';
import type { CircuitBreakerLayer } from './sharing.js';
import { circuitStates, type CircuitMoved, type CircuitStateName } from './states.js';

const state: StateGauge<CircuitBreakerLayer> = {
  kind: 'state',
  name: 'breakwater_circuit_state',
  help: '1 for the state that the circuit is in, 0 for the others. A circuit in shadow lets calls through, so it is closed unless it is forced.',
  label: 'state',
  states: circuitStates,
  value({ circuit }) {
    const { mode, state: kind } = circuit.snapshot();
    return stateForCalls(mode, kind);
  },
};

const shadowState: StateGauge<CircuitBreakerLayer> = {
  ...state,
  name: 'breakwater_shadow_circuit_state',
  help: '1 for the state that a circuit in shadow would be in, 0 for the others. Shown in shadow only.',
  value: ({ circuit }) => {
    const { mode, state: kind } = circuit.snapshot();
    return mode === 'shadow' ? kind : undefined;
  },
};

const transitions: Counter<CircuitMoved> = {
  kind: 'counter',
  name: 'breakwater_circuit_transitions_total',
  help: 'Moves of a circuit from one state to another.',
  event: 'circuit-moved',
  per: 'route',
  labels: { from: ({ from }) => from, to: ({ to }) => to },
  // Else an alert on a rise would miss each circuit's first opening.
  known: [{ from: 'closed', to: 'open' }],
};

const shadowTransitions: Counter<CircuitMoved> = {
  ...transitions,
  name: 'breakwater_shadow_circuit_transitions_total',
  help: 'Moves that a circuit in shadow would have made from one state to another.',
  event: 'circuit-moved-in-shadow',
  isOfShadow: true,
};

export const instruments = [state, transitions, shadowState, shadowTransitions];

const moves: Readonly<Record<CircuitStateName, string>> = {
  closed: 'closed',
  open: 'opened',
  'half-open': 'became half-open',
  'forced-open': 'was forced open',
  'forced-closed': 'was forced closed',
};

/** Names the option where there is one, so that its reader knows what to change. */
function explainMove({ rule, observed, threshold, to }: CircuitMoved): string {
  switch (rule) {
    case 'failureThreshold':
      return `${observed} failures in a row reached failureThreshold ${threshold}`;
    case 'failureRate':
      return `${formatPercent(observed)} failed first attempts reached failureRate.threshold ${formatPercent(threshold)}`;
    case 'slowCall':
      return `${formatPercent(observed)} slow first attempts reached slowCall.threshold ${formatPercent(threshold)}`;
    case 'recoveryTimeout':
      return `its recoveryTimeout of ${Math.round(threshold)} ms was over`;
    case 'successThreshold':
      return `${observed} good probes reached successThreshold ${threshold}`;
    case 'probeFailure':
      return 'a probe failed';
    case 'told':
      return to === 'closed'
        ? 'another replica found that the upstream is well again'
        : `another replica opened its own, with ${Math.round(observed)} ms of recoveryTimeout left`;
    case 'forced':
      return to === 'closed' ? 'its override ended' : 'an operator said so';
    case 'mode':
      return `its mode is ${to === 'closed' ? 'shadow' : 'enforce'} now`;
  }
}

const ownerOf = (upstream: string, route: string) =>
  route === '' ? upstream : `${upstream}/${route}`;

function describeMove(move: CircuitMoved, upstream: string, route: string) {
  const { from, to, rule, observed, threshold } = move;
  return { upstream, route, from, to, rule, observed, threshold };
}

const moved: LoggedEvent<CircuitMoved> = {
  event: 'circuit-moved',
  line: (move, upstream, route) => ({
    level: move.to === 'open' ? 'warn' : 'info',
    fields: describeMove(move, upstream, route),
    message: `circuit of ${ownerOf(upstream, route)} ${moves[move.to]} because ${explainMove(move)}`,
  }),
};

const wouldMove: Readonly<Record<CircuitStateName, string>> = {
  ...moves,
  closed: 'have closed',
  open: 'have opened',
  'half-open': 'have become half-open',
};

const movedInShadow: LoggedEvent<CircuitMoved> = {
  event: 'circuit-moved-in-shadow',
  line: (move, upstream, route) => ({
    level: 'info',
    fields: { ...describeMove(move, upstream, route), mode: 'shadow' },
    message: `circuit of ${ownerOf(upstream, route)} would ${wouldMove[move.to]} because ${explainMove(move)}`,
  }),
};

export const log = [moved, movedInShadow];
