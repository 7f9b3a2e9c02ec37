/** Upstreams as the admin server shows them. */
import type { Inspection } from '../../core/inspect.js';

export function listUpstreams(inspection: Inspection) {
  const own = new Map(
    inspection.scopes().flatMap((scope) => (scope.route === '' ? [[scope.upstream, scope]] : [])),
  );
  return inspection.upstreams().map((upstream) => {
    const { name, target, retryBudgetRemaining, attemptTimeoutMs, lastError } = upstream;
    const { circuit, bulkhead } = own.get(name) ?? {};
    return {
      name,
      target,
      circuit: circuit?.snapshot().state ?? null,
      // Read field by field: they are live.
      bulkhead:
        bulkhead === undefined
          ? null
          : { active: bulkhead.active, queued: bulkhead.queued, limit: bulkhead.limit },
      retryBudgetRemaining: retryBudgetRemaining ?? null,
      attemptTimeoutMs: attemptTimeoutMs ?? null,
      lastError:
        lastError === undefined
          ? null
          : { message: lastError.message, at: new Date(lastError.atWallMs).toISOString() },
    };
  });
}
