/** The row of an upstream on the live page: what it does now, and, if it is in trouble, why and what ends that. */
import {
  circuitOf,
  endpointStates,
  shadowedIn,
  type EndpointState,
  type InspectableScope,
  type InspectableUpstream,
  type Inspection,
} from '../../core/inspect.js';
import type {
  CircuitRow,
  Facts,
  FaultRow,
  LastError,
  RateRow,
  Row,
  ShadowRow,
  SlotsRow,
} from '../../core/live.js';
import { RESPONDED } from './failed-call.js';
import type { UpstreamRecord } from './record.js';
import { SLOT_MS } from './ring.js';
import { findTrouble } from './trouble.js';

const round = (value: number, digits: number) => Number(value.toFixed(digits));
const wholeRate = (rate: RateRow): RateRow => ({ ...rate, remaining: Math.floor(rate.remaining) });
const timeOf = (wallMs: number) => new Date(wallMs).toISOString();

/** To the second, so that it stays the same until it changes. @param leftMs 0 where there is no known end. */
const endOf = (wallMs: number, leftMs: number): string | null =>
  leftMs > 0 ? timeOf(Math.round((wallMs + leftMs) / 1000) * 1000) : null;

/** What the policies show of an upstream in `GET /upstreams`. */
interface Described {
  readonly bulkhead: SlotsRow | null;
  readonly rateLimit: RateRow | null;
  readonly fault: Pick<FaultRow, 'summary' | 'until'> | null;
  readonly retryBudgetRemaining: number | null;
  readonly attemptTimeoutMs: number | null;
}

function describePolicies({ policies }: Inspection, own: InspectableScope | undefined): Described {
  const shown = policies.map((policy) => policy.describe?.(own?.layers[policy.name]));
  return Object.assign({}, ...shown) as Described;
}

/** Only policies that allow orders are asked: there may be thousands of routes. */
function listFaults({ policies }: Inspection, scopes: readonly InspectableScope[]): FaultRow[] {
  const ordered = policies.filter(({ orders }) => orders !== undefined);
  return scopes.flatMap(({ route, layers }) =>
    ordered.flatMap((policy) => {
      const layer = layers[policy.name];
      if (layer === undefined) return [];
      const { fault = null }: Partial<Described> = policy.describe?.(layer) ?? {};
      return fault === null ? [] : [{ route, summary: fault.summary, until: fault.until }];
    }),
  );
}

function listCircuits(scopes: readonly InspectableScope[], wallMs: number): CircuitRow[] {
  return scopes.flatMap((scope) => {
    const snapshot = circuitOf(scope)?.snapshot();
    if (snapshot === undefined) return [];
    const { state, mode, sinceWallMs, consecutiveFailures, failureRate, endsInMs } = snapshot;
    return {
      route: scope.route,
      state,
      mode,
      since: timeOf(sinceWallMs),
      consecutiveFailures,
      failureRate: failureRate === null ? null : round(failureRate, 4),
      until: endOf(wallMs, endsInMs),
    };
  });
}

function listShadow(scopes: readonly InspectableScope[], { shadow }: UpstreamRecord): ShadowRow[] {
  return scopes.flatMap(({ route, layers }) =>
    shadowedIn(layers).map((policy) => {
      const own = shadow.filter((each) => each.route === route && each.policy === policy);
      const wouldRefuse = Object.fromEntries(own.map(({ reason, calls }) => [reason, calls]));
      return { route, policy, wouldRefuse };
    }),
  );
}

/** When the first of those that are out comes back by itself. */
function nextBack({ endpoints }: InspectableUpstream, wallMs: number): string | null {
  const ends = endpoints
    .list()
    .filter(({ state, backInMs }) => state !== 'available' && backInMs > 0);
  const leftMs = Math.min(...ends.map(({ backInMs }) => backInMs));
  return ends.length === 0 ? null : endOf(wallMs, leftMs);
}

function countEndpoints({ endpoints }: InspectableUpstream): Record<EndpointState, number> {
  const counts = Object.fromEntries(endpointStates.map((state) => [state, 0])) as Record<
    EndpointState,
    number
  >;
  for (const { state } of endpoints.list()) counts[state] += 1;
  return counts;
}

/** The newer one of a response that was an error, and of no response. */
export function lastErrorOf(
  { lastError }: InspectableUpstream,
  record: UpstreamRecord,
): LastError | null {
  const { lastFailureWallMs = -Infinity } = record;
  if (lastError !== undefined && lastError.atWallMs >= lastFailureWallMs) {
    return { message: lastError.message, at: timeOf(lastError.atWallMs) };
  }
  if (lastFailureWallMs === -Infinity) return null;
  const { lastFailureStatus: status } = record;
  const message = status === 0 ? RESPONDED : `The upstream responded ${status}`;
  return { message, at: timeOf(lastFailureWallMs) };
}

export interface RowInput {
  readonly inspection: Inspection;
  readonly upstream: InspectableUpstream;
  /** Its own and those of its routes. */
  readonly scopes: readonly InspectableScope[];
  readonly record: UpstreamRecord;
  readonly slot: number;
  /** Of the current slot that is over. */
  readonly share: number;
  readonly wallMs: number;
}

export function createRow(input: RowInput): Row {
  const { inspection, upstream, scopes, record, slot, share, wallMs } = input;
  const recent = record.ring.recent(slot, share);
  const { calls, seconds } = recent;
  const shareOf = (count: number) => (calls === 0 ? null : round(count / calls, 4));
  const good = calls - recent.failed - recent.refused - recent.degraded;
  const own = scopes.find(({ route }) => route === '');
  const described = describePolicies(inspection, own);
  const { retryBudgetRemaining, attemptTimeoutMs } = described;
  const row: Facts = {
    name: upstream.name,
    target: upstream.target,
    callsPerSecond: round(calls / seconds, 2),
    attemptsPerSecond: round(recent.attempts / seconds, 2),
    goodShare: shareOf(good),
    failedShare: shareOf(recent.failed),
    refusedShare: shareOf(recent.refused),
    degradedShare: shareOf(recent.degraded),
    leftPerSecond: round(recent.left / seconds, 2),
    attemptsPerCall: calls === 0 ? null : round(recent.attempts / calls, 2),
    latencyMs: recent.latencyMs,
    circuits: listCircuits(scopes, wallMs),
    bulkhead: described.bulkhead,
    rateLimit: described.rateLimit && wholeRate(described.rateLimit),
    shadow: listShadow(scopes, record),
    faults: listFaults(inspection, scopes),
    retryBudgetRemaining: retryBudgetRemaining === null ? null : Math.floor(retryBudgetRemaining),
    attemptTimeoutMs: attemptTimeoutMs === null ? null : Math.round(attemptTimeoutMs),
    endpoints: countEndpoints(upstream),
    tunnels: upstream.tunnels,
    lastError: lastErrorOf(upstream, record),
    slot: record.ring.current(slot),
  };
  const slotBeganMs = wallMs - share * SLOT_MS;
  const backAt = nextBack(upstream, wallMs);
  return { ...row, trouble: findTrouble({ row, record, slot, slotBeganMs, backAt }) };
}

/** All slots of the last 15 minutes as lists of numbers, the current one last. */
export function createHistory(record: UpstreamRecord, slot: number) {
  const slots = record.ring.history(slot);
  // Most upstreams of a large file are idle.
  if (slots.every(({ calls, p99, circuit }) => calls === 0 && p99 === null && circuit === 'closed'))
    return null;
  return {
    calls: slots.map(({ calls }) => calls),
    failed: slots.map(({ failed }) => failed),
    refused: slots.map(({ refused }) => refused),
    degradedShare: slots.map(({ degradedShare }) => round(degradedShare, 3)),
    p50: slots.map(({ p50 }) => p50),
    p99: slots.map(({ p99 }) => p99),
    circuit: slots.map(({ circuit }) => circuit),
  };
}
