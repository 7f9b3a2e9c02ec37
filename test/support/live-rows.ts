/** Rows and messages of the live page, as the admin server sends them. */
import type { Message } from '../../src/admin/page/model.js';
import type { Row, SlotCounts } from '../../src/core/live.js';

export const AT = '2026-01-02T03:04:05.000Z';

export const slot = (changes: Partial<SlotCounts> = {}): SlotCounts => ({
  calls: 0,
  failed: 0,
  refused: 0,
  degradedShare: 0,
  p50: null,
  p99: null,
  circuit: 'closed',
  ...changes,
});

/** @param weight of its trouble; 0 for none. */
export const row = (name: string, weight = 0, changes: Partial<Row> = {}): Row => ({
  name,
  target: `http://${name}.internal:80`,
  trouble: {
    state: weight > 0 ? 'failing' : 'good',
    weight,
    since: weight > 0 ? AT : null,
    why: weight > 0 ? '40% of the calls fail: Cannot connect.' : '',
    callersGet: 'In the last 15 s, 60% got a good response.',
    endsWhen: weight > 0 ? 'Calls succeed again.' : '',
    until: null,
  },
  callsPerSecond: 5,
  attemptsPerSecond: 6,
  goodShare: 0.6,
  failedShare: 0.4,
  refusedShare: 0,
  degradedShare: 0,
  leftPerSecond: 0,
  attemptsPerCall: 1.2,
  latencyMs: { p50: 5, p95: 20, p99: 112 },
  circuits: [],
  bulkhead: { active: 2, queued: 0, limit: 10, streams: 0 },
  rateLimit: null,
  shadow: [],
  faults: [],
  retryBudgetRemaining: 30,
  attemptTimeoutMs: 10_000,
  endpoints: { available: 1, ejected: 0, unhealthy: 0, drained: 0, leaving: 0 },
  tunnels: 0,
  lastError: null,
  slot: slot(),
  ...changes,
});

export const message = (
  number: number,
  upstreams: Message['upstreams'],
  removed: string[] = [],
): Message => ({
  at: AT,
  slot: number,
  slotSeconds: 15,
  slots: 60,
  process: {
    version: '1',
    state: 'ready',
    startedAt: AT,
    config: { file: 'x.yaml', hash: 'abc', appliedAt: AT, lint: null },
    needsToken: false,
    lastReload: null,
    eventLoop: null,
    memory: { usedBytes: 1, limitBytes: 2 },
    shedding: null,
    wouldShed: null,
    viewers: 1,
  },
  removed,
  upstreams,
});
