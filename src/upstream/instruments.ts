/** What endpoints tell, their metrics, and their lines in the log. */
import type { Counter, LoggedEvent, LogLine } from '../core/instruments.js';
import { plural } from '../lib/plural.js';

export interface EndpointEjected {
  readonly type: 'endpoint-ejected';
  readonly address: string;
  /** In a row. */
  readonly failures: number;
  readonly forMs: number;
}

/** It is available again. */
export interface EndpointReturned {
  readonly type: 'endpoint-returned';
  readonly address: string;
  readonly from: 'ejected' | 'unhealthy' | 'drained';
}

export interface EndpointUnhealthy {
  readonly type: 'endpoint-unhealthy';
  readonly address: string;
  /** In a row. */
  readonly failures: number;
  /** Of the last check. */
  readonly error: string;
}

export interface EndpointDrained {
  readonly type: 'endpoint-drained';
  readonly address: string;
  /** Infinity: until an operator changes it. */
  readonly forMs: number;
}

export interface HealthChecked {
  readonly type: 'health-checked';
  readonly result: 'success' | 'failure';
}

/** A name was looked up. */
export interface NameResolved {
  readonly type: 'name-resolved';
  readonly name: string;
  /** success: the addresses are not the ones before. */
  readonly result: 'success' | 'failure' | 'unchanged';
  readonly addresses: readonly string[];
  readonly error: Error | undefined;
  /** The first of its kind after others: it has a line in the log. */
  readonly isNews: boolean;
}

/** An attempt was made although no endpoint was available. */
export interface Panicked {
  readonly type: 'endpoints-panicked';
  /** The first one since an endpoint was available. */
  readonly isNews: boolean;
}

/** The settings of the file hold again for a policy that an operator had set for a time. */
export interface OrderEnded {
  readonly type: 'order-ended';
  readonly policy: string;
}

export type EndpointEvent =
  | EndpointEjected
  | EndpointReturned
  | EndpointUnhealthy
  | EndpointDrained
  | HealthChecked
  | NameResolved
  | OrderEnded
  | Panicked;

const ejections: Counter<EndpointEjected> = {
  kind: 'counter',
  name: 'breakwater_ejections_total',
  help: 'How often an endpoint was ejected. cause: failures (attempts that failed in a row).',
  event: 'endpoint-ejected',
  per: 'upstream',
  labels: { cause: () => 'failures' },
  known: [{ cause: 'failures' }],
};

const checks: Counter<HealthChecked> = {
  kind: 'counter',
  name: 'breakwater_health_checks_total',
  help: 'Health checks of endpoints. result: success or failure.',
  event: 'health-checked',
  per: 'upstream',
  labels: { result: ({ result }) => result },
  known: [{ result: 'success' }, { result: 'failure' }],
};

const resolutions: Counter<NameResolved> = {
  kind: 'counter',
  name: 'breakwater_resolutions_total',
  help: 'Look-ups of the names of targets. result: success (other addresses than before), failure (or no address) or unchanged.',
  event: 'name-resolved',
  per: 'upstream',
  labels: { result: ({ result }) => result },
  known: [{ result: 'success' }, { result: 'failure' }, { result: 'unchanged' }],
};

const panics: Counter<Panicked> = {
  kind: 'counter',
  name: 'breakwater_panics_total',
  help: 'Attempts at an endpoint that was ejected or unhealthy because no endpoint was available.',
  event: 'endpoints-panicked',
  per: 'upstream',
  labels: {},
  known: [{}],
};

export const endpointInstruments = [ejections, checks, resolutions, panics];

/** Addresses in one line of the log; further ones are counted. */
const MOST_LISTED = 10;

function listAddresses(addresses: readonly string[]): string {
  const rest = addresses.length - MOST_LISTED;
  const listed = addresses.slice(0, MOST_LISTED).join(', ');
  return rest > 0 ? `${listed} and ${rest} more` : listed;
}

const formatMs = (ms: number) => (ms < 1000 ? `${ms} ms` : `${Math.round(ms / 1000)} s`);

const ejected: LoggedEvent<EndpointEjected> = {
  event: 'endpoint-ejected',
  line: ({ address, failures, forMs }, upstream) => ({
    level: 'warn',
    fields: { upstream, endpoint: address, failures, forMs },
    message: `endpoint ${address} of ${upstream} is ejected for ${formatMs(forMs)} because ${plural(failures, 'attempt')} in a row failed`,
  }),
};

const recoveries: Readonly<Record<EndpointReturned['from'], string>> = {
  ejected: 'its ejection is over',
  unhealthy: 'it is no longer unhealthy',
  drained: 'it is no longer drained',
};

const returned: LoggedEvent<EndpointReturned> = {
  event: 'endpoint-returned',
  line: ({ address, from }, upstream) => ({
    level: 'info',
    fields: { upstream, endpoint: address, from },
    message: `endpoint ${address} of ${upstream} is available again because ${recoveries[from]}`,
  }),
};

const unhealthy: LoggedEvent<EndpointUnhealthy> = {
  event: 'endpoint-unhealthy',
  line: ({ address, failures, error }, upstream) => ({
    level: 'warn',
    fields: { upstream, endpoint: address, failures, error },
    message: `endpoint ${address} of ${upstream} is unhealthy because ${plural(failures, 'health check')} in a row failed: ${error}`,
  }),
};

const drained: LoggedEvent<EndpointDrained> = {
  event: 'endpoint-drained',
  line({ address, forMs }, upstream) {
    const isEndless = forMs === Infinity;
    return {
      level: 'info',
      fields: { upstream, endpoint: address, forMs: isEndless ? undefined : forMs },
      message: `endpoint ${address} of ${upstream} is drained ${isEndless ? 'until this is changed' : `for ${formatMs(forMs)}`} because an operator said so`,
    };
  },
};

const resolved: LoggedEvent<NameResolved> = {
  event: 'name-resolved',
  when: ({ isNews }) => isNews,
  line: (event, upstream) => ({
    level: event.result === 'failure' ? 'warn' : 'info',
    fields: { upstream, name: event.name, error: event.error?.message },
    message: explainResolution(event, upstream),
  }),
};

function explainResolution(event: NameResolved, upstream: string): string {
  const { name, result, addresses, error } = event;
  switch (result) {
    case 'success':
      return `name ${name} of ${upstream} has the addresses ${listAddresses(addresses)}`;
    case 'unchanged':
      return `name ${name} of ${upstream} can be looked up again; its addresses are the same`;
    case 'failure': {
      const consequence =
        addresses.length === 0
          ? 'calls fail until it has an address'
          : 'the addresses known before stay in use';
      return `Cannot look up ${name} of ${upstream} because ${error?.message ?? 'it has no address'}; ${consequence}`;
    }
  }
}

const panicked: LoggedEvent<Panicked> = {
  event: 'endpoints-panicked',
  when: ({ isNews }) => isNews,
  line: (_, upstream): LogLine => ({
    level: 'warn',
    fields: { upstream },
    message: `no endpoint of ${upstream} is available, so all that are not drained are used`,
  }),
};

const orderEnded: LoggedEvent<OrderEnded> = {
  event: 'order-ended',
  line: ({ policy }, upstream, route) => ({
    level: 'info',
    fields: { upstream, route, policy },
    message: `${policy} of ${route === '' ? upstream : `${upstream}/${route}`} is as the file says again because the time that an operator set is over`,
  }),
};

export const endpointLog = [ejected, returned, unhealthy, drained, resolved, panicked, orderEnded];
