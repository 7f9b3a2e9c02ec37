/** The metrics of a circuit, and the lines that it has in the log. */
import type { Counter, LoggedEvent, StateGauge } from '../../core/instruments.js';
import { formatPercent } from '../../lib/percent.js';
import type { CircuitBreakerLayer } from './circuit.js';
import { circuitStates, type CircuitMoved, type CircuitStateName } from './states.js';

const state: StateGauge<CircuitBreakerLayer> = {
  kind: 'state',
  name: 'breakwater_circuit_state',
  help: '1 for the state that the circuit is in, 0 for the others.',
  label: 'state',
  states: circuitStates,
  value: ({ circuit }) => circuit.snapshot().state,
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

export const instruments = [state, transitions];

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
    case 'forced':
      return to === 'closed' ? 'its override ended' : 'an operator said so';
  }
}

const moved: LoggedEvent<CircuitMoved> = {
  event: 'circuit-moved',
  line(move, upstream, route) {
    const { from, to, rule, observed, threshold } = move;
    const owner = route === '' ? upstream : `${upstream}/${route}`;
    return {
      level: to === 'open' ? 'warn' : 'info',
      fields: { upstream, route, from, to, rule, observed, threshold },
      message: `circuit of ${owner} ${moves[to]} because ${explainMove(move)}`,
    };
  },
};

export const log = [moved];
