/** `circuit_breakers`: in spite of the name, limits on what is going on at once. */
import type { Part } from '../part.js';
import type { Foreign } from '../foreign.js';
import { showShare } from '../values.js';
import { readPercent } from './read.js';

/** Of each threshold that is not written. */
const DEFAULT = 1024;

/** Every cluster has these, with or without `circuit_breakers`. */
export function writeDefaultLimits(defaults: Part): void {
  defaults.set(
    'bulkhead.maxConcurrent',
    DEFAULT,
    "Envoy's default for max_requests and max_connections",
  );
  defaults.set('bulkhead.maxQueue', DEFAULT, "Envoy's default for max_pending_requests");
  defaults.set('bulkhead.queueTimeout', 'off', 'the queue of Envoy has no time limit of its own');
}

const isDefault = (thresholds: Foreign) =>
  ['DEFAULT', '0', undefined].includes(thresholds.get('priority')?.text());

/** Of a cluster, for requests of the default priority. */
function findThresholds(cluster: Foreign): Foreign | undefined {
  return cluster.at('circuit_breakers', 'thresholds')?.items().find(isDefault);
}

export function convertLimits(cluster: Foreign, part: Part): void {
  const all = cluster.at('circuit_breakers', 'thresholds')?.items() ?? [];
  const thresholds = findThresholds(cluster);
  for (const other of all) {
    if (other.fullPath === thresholds?.fullPath) continue;
    part.note(
      `${other.use().where} ${other.fullPath}: ${other.written}: Breakwater has one limit for all requests, without priorities.`,
    );
  }
  if (thresholds === undefined) return;
  const requests = thresholds.get('max_requests');
  const connections = thresholds.get('max_connections');
  const pending = thresholds.get('max_pending_requests');
  const byRequests = requests?.number() ?? DEFAULT;
  const byConnections = connections?.number() ?? DEFAULT;
  const smaller = byConnections < byRequests ? connections : (requests ?? connections);
  const larger = smaller === connections ? requests : connections;
  if (smaller !== undefined) {
    const count = Math.min(byRequests, byConnections);
    part.set('bulkhead.maxConcurrent', Math.max(1, count), smaller);
    if (count === 0) part.note('0 refuses every call in Envoy.', 'bulkhead.maxConcurrent');
    if (larger !== undefined) {
      part.note(
        `${larger.origin}: the smaller of the two limits stands. Over HTTP/1.1 a connection carries one request at a time.`,
        'bulkhead.maxConcurrent',
      );
    }
  }
  if (pending !== undefined) {
    part.set('bulkhead.maxQueue', pending.number() ?? DEFAULT, pending);
    part.differs(
      'Bulkheads: in Envoy a request over max_requests does not wait; only those wait that find no free connection. Here all over the limit wait, up to `maxQueue`.',
    );
  }
  const pools = thresholds.get('max_connection_pools');
  const remaining = thresholds.get('track_remaining');
  for (const each of [pools, remaining]) {
    if (each !== undefined) part.note(`${each.use().origin}: has no equal here.`, 'bulkhead');
  }
  part.differs(
    "Envoy's circuit_breakers are the `bulkhead` here: limits on what is going on at once, without a state. Over the limit Envoy sends 503 with `x-envoy-overloaded`; here it is 503 `bulkhead-full` with `Retry-After`.",
  );
}

/** Of the cluster, for a part that has retries. */
export function convertRetryLimits(cluster: Foreign, part: Part): void {
  const thresholds = findThresholds(cluster);
  if (thresholds === undefined) return;
  const budget = thresholds.get('retry_budget');
  const percent = budget?.get('budget_percent');
  const least = budget?.get('min_retry_concurrency');
  const most = thresholds.get('max_retries');
  if (budget !== undefined) {
    const share = readPercent(percent) ?? 20;
    part.set(
      'retry.budget.ratio',
      showShare(share / 100),
      percent ?? `${budget.where} retry_budget: 20% by default`,
      'In Envoy it is the share of the requests in progress that may be retries; here it is retries per first attempt in a window.',
    );
    if (least !== undefined) {
      least.use();
      part.note(
        `${least.origin}: here \`minPerSecond\` retries are always allowed, 3 by default.`,
        'retry.budget.ratio',
      );
    }
  }
  if (most === undefined) return;
  most.use();
  part.note(
    budget === undefined
      ? `${most.origin}: Envoy limits the retries in progress. Here \`retry.budget\` limits their share: 20% of the calls and 3 per second.`
      : `${most.origin}: has no effect beside retry_budget.`,
  );
}
