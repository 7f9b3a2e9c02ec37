/** What the live page shows of one call that did not go well. */
import { CallError } from '../../core/errors.js';
import type { ExchangeSummary } from '../../core/events.js';
import type { AttemptResult } from '../../core/outcome.js';
import { KEPT } from './last-few.js';

/** Longer paths are cut. */
const MAX_PATH = 200;

/** A call that did not go well. Nothing in it comes from a query, a header or a body. */
export interface FailedCall {
  readonly at: string;
  readonly route: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly reason: string;
  readonly fallback: string | null;
  readonly attempts: number;
  readonly outcomes: readonly AttemptResult[];
  readonly endpoints: readonly string[];
  readonly durationMs: number;
  readonly waitMs: number;
  readonly error: string | null;
}

/** A copy that does not keep the text alive of which it was a part. */
const copied = (text: string) => Buffer.from(text.slice(0, MAX_PATH)).toString();

export const RESPONDED = 'The upstream responded with an error';

/** Errors that the upstream had no part in may quote what the client sent. */
function describeError({ error, status, substitution }: ExchangeSummary): string | null {
  if (error instanceof CallError) return error.outcome === undefined ? error.title : error.message;
  // The reason says it, where Breakwater had one.
  if (substitution !== undefined) return substitution.reason === '' ? RESPONDED : null;
  return status >= 500 ? `The upstream responded ${status}` : null;
}

export function describeCall(summary: ExchangeSummary, route: string, wallMs: number): FailedCall {
  const { method, path, status, reason, attempts, results, endpoints, substitution } = summary;
  return {
    at: new Date(wallMs).toISOString(),
    route,
    method: copied(method),
    path: copied(path),
    status,
    reason,
    fallback: substitution?.source ?? null,
    attempts,
    outcomes: results.slice(0, KEPT),
    endpoints: endpoints.slice(0, KEPT),
    durationMs: Math.round(summary.durationMs),
    waitMs: Math.round(summary.waitedMs),
    error: describeError(summary),
  };
}
