/** All that is known of one upstream: what a row has no room for. */
import type { Inspection } from '../../core/inspect.js';
import type { UpstreamRecord } from './record.js';
import { createHistory, createRow, type RowInput } from './rows.js';

export function describeUpstream(input: RowInput): object {
  const { upstream, record, slot } = input;
  return {
    ...createRow(input),
    history: createHistory(record, slot),
    endpointList: upstream.endpoints.list(),
    counts: countsOf(record),
    routes: record.routes
      .filter(({ route, calls }) => route !== '' || calls > 0)
      .toSorted((a, b) => b.failed + b.refused - a.failed - a.refused || b.calls - a.calls),
    transitions: record.transitions.list(),
    news: record.news.list(),
    failures: record.failures.list(),
    metrics: listQueries(upstream.name),
  };
}

function countsOf({ routes, notGood, attempts, left, sinceWallMs }: UpstreamRecord) {
  let calls = 0;
  let good = 0;
  for (const counts of routes) {
    calls += counts.calls;
    good += counts.calls - counts.failed - counts.refused - counts.degraded;
  }
  return {
    since: new Date(sinceWallMs).toISOString(),
    calls,
    good,
    left,
    notGood: notGood.toSorted((a, b) => b.calls - a.calls),
    attempts,
  };
}

/** What shows the same numbers in Prometheus. */
function listQueries(name: string): Record<string, string> {
  const label = `upstream=${JSON.stringify(name)}`;
  const rate = (metric: string, more = '') => `sum(rate(${metric}{${label}${more}}[1m]))`;
  const all = rate('breakwater_requests_total');
  return {
    callsPerSecond: all,
    failedShare: `${rate('breakwater_requests_total', ',status="5xx"')} / ${all}`,
    attemptsPerCall: `${rate('breakwater_attempts_total')} / ${all}`,
    circuit: `breakwater_circuit_state{${label}} == 1`,
    reasons: `sum by (status, reason) (rate(breakwater_requests_total{${label}}[1m]))`,
  };
}

/** By upstream, in the order of the file. */
export function groupScopes(inspection: Inspection) {
  const groups = new Map<string, RowInput['scopes'][number][]>();
  for (const scope of inspection.scopes()) {
    const group = groups.get(scope.upstream);
    if (group === undefined) groups.set(scope.upstream, [scope]);
    else group.push(scope);
  }
  return groups;
}
