/** Compares what clients, the sidecar's access log, its metrics and the upstream have counted, request by request. */
import type { Sent } from './clients.js';

/** A line of the access log. */
export interface Line {
  /** The id of the request. */
  readonly traceId: string;
  readonly status: number;
  readonly attempts: number;
  readonly outcomes: readonly string[];
}

export interface Accounts {
  readonly sent: number;
  readonly complete: number;
  readonly cut: number;
  readonly lost: number;
  /** Complete for the client, and 499 for the sidecar. */
  readonly completeButLeft: number;
  /** Exchanges in the access log. */
  readonly exchanges: number;
  /** Requests that never reached the sidecar as a whole head: none of them had a response of an exchange. */
  readonly unseen: number;
  readonly attempts: number;
  /** That had a response of the upstream. */
  readonly responded: number;
  /** Without one: the upstream may have seen them or not. */
  readonly uncertain: number;
  /** Of the uncertain ones, those that the upstream has seen. */
  readonly uncertainSeen: number;
  /** Requests that the upstream has seen. */
  readonly upstream: number;
  /** Statements that do not hold. */
  readonly faults: readonly string[];
}

/** The head of the upstream's response had come. */
const RESPONDED: ReadonlySet<string> = new Set(['success', 'failure']);

/** The client had left. */
const LEFT = 499;

const KEPT_FAULTS = 20;

/** @param counter of the sidecar. @param seen requests at the upstream, by id. */
export function account(
  sent: readonly Sent[],
  lines: readonly Line[],
  counter: (name: string) => number,
  seen: ReadonlyMap<string, number>,
): Accounts {
  const faults: string[] = [];
  const demand = (holds: boolean, what: string) => {
    if (!holds && faults.length < KEPT_FAULTS) faults.push(what);
  };
  const logged = new Map<string, Line>();
  for (const line of lines) {
    demand(!logged.has(line.traceId), `${line.traceId} has two lines in the access log`);
    logged.set(line.traceId, line);
  }
  const counts = { complete: 0, cut: 0, lost: 0 };
  let [unseen, attempts, responded, seenInAll, completeButLeft] = [0, 0, 0, 0, 0];
  for (const { id, end, status } of sent) {
    counts[end] += 1;
    const line = logged.get(id);
    const atUpstream = seen.get(id) ?? 0;
    seenInAll += atUpstream;
    if (line === undefined) {
      unseen += 1;
      demand(atUpstream === 0, `${id} reached the upstream without a line in the access log`);
      // A request that the sidecar could not read to the end of its head.
      demand(
        end !== 'complete' || status === 400 || status === 408,
        `${id} had ${status} without a line`,
      );
      continue;
    }
    // A connection can break after the last byte has been sent, and before the sidecar knows that it has arrived.
    if (end === 'complete' && line.status === LEFT) completeButLeft += 1;
    const isAsSeen = end === 'lost' || line.status === status || line.status === LEFT;
    demand(isAsSeen, `${id} had ${status} (${end}), and its line says ${line.status}`);
    const withResponse = line.outcomes.filter((outcome) => RESPONDED.has(outcome)).length;
    attempts += line.attempts;
    responded += withResponse;
    demand(line.outcomes.length === line.attempts, `${id}: each attempt has one outcome`);
    demand(
      atUpstream >= withResponse && atUpstream <= line.attempts,
      `${id}: the upstream saw ${atUpstream} of ${line.attempts} attempts, ${withResponse} had a response`,
    );
  }
  const total = counter('breakwater_requests_total');
  demand(
    total === lines.length,
    `breakwater_requests_total is ${total}, the log has ${lines.length} lines`,
  );
  const counted = counter('breakwater_attempts_total');
  demand(
    counted === attempts,
    `breakwater_attempts_total is ${counted}, the log has ${attempts} attempts`,
  );
  const dropped = counter('breakwater_log_lines_dropped_total');
  demand(dropped === 0, `${dropped} lines of the log were dropped`);
  demand(logged.size + unseen === sent.length, 'each line is of a request that was sent');
  return {
    sent: sent.length,
    ...counts,
    exchanges: lines.length,
    completeButLeft,
    unseen,
    attempts,
    responded,
    uncertain: attempts - responded,
    uncertainSeen: seenInAll - responded,
    upstream: seenInAll,
    faults,
  };
}
