/** What is told of an upstream: the numbers of its row, and the sentences about its trouble. It touches no document. */
import type { Row, SlotsRow } from '../../core/live.js';
import {
  describeFaults,
  formatAge,
  formatMs,
  formatRate,
  formatShare,
  formatSpan,
  formatTime,
  NONE,
} from './format.js';
import { TROUBLE } from './model.js';

/** The numbers of a row as a reader wants them. */
export interface Cells {
  readonly calls: string;
  readonly good: string;
  /** Share of calls that got a fallback. */
  readonly degraded: string;
  readonly p50: string;
  readonly p95: string;
  readonly p99: string;
  readonly attempts: string;
  readonly slots: string;
  readonly budget: string;
  readonly endpoints: string;
  readonly lastError: string;
}

function slotsOf({ active, limit, queued, mode }: SlotsRow): string {
  // In shadow no call waits, and there may be more calls than slots.
  if (mode === 'shadow') return `${active}/${limit} shadow`;
  return `${active}/${limit}${queued > 0 ? ` +${queued} wait` : ''}`;
}

/** @param at the time of the message. */
export function cellsOf(row: Row, at: string): Cells {
  const { latencyMs, bulkhead, endpoints, lastError, attemptsPerCall, retryBudgetRemaining } = row;
  const { available, ejected, unhealthy, drained } = endpoints;
  const all = available + ejected + unhealthy + drained;
  return {
    calls: formatRate(row.callsPerSecond),
    good: formatShare(row.goodShare),
    degraded: formatShare(row.degradedShare),
    p50: formatMs(latencyMs?.p50 ?? null),
    p95: formatMs(latencyMs?.p95 ?? null),
    p99: formatMs(latencyMs?.p99 ?? null),
    attempts: attemptsPerCall === null ? NONE : attemptsPerCall.toFixed(2),
    slots: bulkhead === null ? NONE : slotsOf(bulkhead),
    budget: retryBudgetRemaining === null ? NONE : String(retryBudgetRemaining),
    endpoints: all === 0 ? NONE : `${available}/${all}`,
    lastError: lastError === null ? NONE : `${formatAge(lastError.at, at)}: ${lastError.message}`,
  };
}

/** One of why, what callers get, and what ends it. */
export interface Fact {
  readonly name: string;
  readonly text: string;
}

function due(until: string, at: string): string {
  const leftMs = Date.parse(until) - Date.parse(at);
  return `At ${formatTime(until)}, ${leftMs > 0 ? `in ${formatSpan(leftMs)}` : 'now'}`;
}

/** @returns nothing for an upstream that is well. */
export function factsOf(row: Row, at: string): Fact[] {
  const { weight, why, callersGet, endsWhen, until } = row.trouble;
  if (weight < TROUBLE) return [];
  return [
    { name: 'Why', text: why },
    { name: 'On purpose', text: describeFaults(row, at) },
    { name: 'Callers get', text: callersGet },
    { name: 'Ends when', text: (until === null ? '' : `${due(until, at)}: `) + endsWhen },
  ].filter(({ text }) => text !== '');
}

/** ` since 10:15:04, 45 s ago`; empty where it is not known. */
export const describeSince = ({ trouble: { since } }: Row, at: string): string =>
  since === null ? '' : ` since ${formatTime(since)}, ${formatAge(since, at)}`;
