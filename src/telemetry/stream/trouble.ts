/** Whether an upstream is in trouble: one word for it, since when, why, what callers get, and what ends it. */
import type { Facts, SlotCounts, Trouble, TroubleState } from '../../core/live.js';
import type { UpstreamRecord } from './record.js';
import { SLOT_MS } from './ring.js';

/** A share of calls that did not go well from which on an upstream is in trouble. */
const NOTICED = 0.01;

const percent = (share: number) =>
  `${share > 0 && share < 0.01 ? '<1' : Math.min(Math.round(share * 100), share < 1 ? 99 : 100)}%`;

/** `circuit of catalog opened because ...`: the reason alone. */
function reasonOf(message: string | undefined): string | undefined {
  const at = message?.indexOf(' because ') ?? -1;
  return at === -1 ? undefined : message!.slice(at + ' because '.length);
}

/** Why it left the closed state, and what has happened since; and when that was. */
function explainCircuit(record: UpstreamRecord, route: string) {
  const began = record.openingOf(route);
  const last = record.transitions
    .list()
    .find((each) => each.route === route && 'to' in each.fields && each.fields.to === 'open');
  const reasons = [began, last].map((each) => reasonOf(each?.message)).filter(Boolean);
  const reason = began === last ? reasons[0] : reasons.join('; then ');
  return { reason: reason ?? '', beganAt: began?.at };
}

function describeCallers(row: Facts, { lastNotGood }: UpstreamRecord): string {
  const { goodShare, failedShare, refusedShare, degradedShare } = row;
  if (goodShare === null) return 'There are no calls now.';
  const what =
    lastNotGood === undefined ? 'an error' : `${lastNotGood.status} ${lastNotGood.reason}`.trim();
  const parts = [
    [goodShare, 'a good response'],
    [degradedShare!, 'a fallback'],
    [refusedShare!, 'a refusal'],
    [failedShare!, 'a failure'],
  ] as const;
  const told = parts
    .filter(([share]) => share > 0)
    .map(([share, name], i) => `${percent(share)} ${i === 0 ? 'got ' : ''}${name}`);
  const isBad = failedShare! + refusedShare! > 0;
  return `In the last 15 s, ${told.join(', ')}${isBad ? `; the last that was not good was ${what}` : ''}.`;
}

const isBad = ({ calls, failed, refused, degradedShare }: SlotCounts) =>
  calls > 0 && (failed + refused) / calls + degradedShare >= NOTICED;

/** When the current row of slots with a noticeable share of bad calls began. */
function badSince(record: UpstreamRecord, slot: number, slotBeganMs: number): string {
  const [current, ...before] = record.ring.history(slot).toReversed();
  const firstGood = before.findIndex((each) => !isBad(each));
  let bad = firstGood === -1 ? before.length : firstGood;
  // The current slot may be too young to have a bad call.
  if (bad === 0 && !isBad(current!)) bad = 1;
  // Slots are coarse; the first bad call is exact, unless there were a few long before.
  const beganMs = Math.max(slotBeganMs - bad * SLOT_MS, record.badSinceWallMs ?? -Infinity);
  return new Date(beganMs).toISOString();
}

function lastRefusal({ notGood }: UpstreamRecord): string {
  const refused = notGood.filter(({ result }) => result === 'refused');
  return refused.toSorted((a, b) => b.keptIn - a.keptIn)[0]?.reason ?? '';
}

/** A full stop is added. */
const causeOf = ({ lastError }: Facts) => lastError?.message ?? 'the upstream responds with errors';

/** What a state of a circuit does to calls. */
const effects: Readonly<Record<string, string>> = {
  open: ', so calls are refused',
  'half-open': ', so only probes pass',
  'forced-open': ' by an operator, so calls are refused',
};

const endings: Readonly<Record<string, string>> = {
  open: 'Some calls are let through as probes; if they succeed, the circuit closes and all calls pass again.',
  'half-open':
    'The probes succeed: the circuit closes and all calls pass again. If one fails, it opens again.',
  'forced-open': 'The override ends, or somebody sets the circuit to auto.',
  'forced-closed': 'The override ends, or somebody sets the circuit to auto.',
  'fault-injected': 'The fault ends, or somebody lifts it.',
  failing: 'Calls succeed again.',
  'no-endpoint': 'An endpoint becomes available again.',
  full: 'Calls end faster, fewer come, or bulkhead.maxConcurrent is raised.',
  degraded: 'The upstream responds well again, so that fallbacks are not needed.',
  'no-retries': 'Fewer calls need a retry.',
  'endpoints-out':
    'The endpoints come back: ejections end by themselves, health checks pass, drains end or are lifted.',
};

const outOf = ({ endpoints: { ejected, unhealthy, drained } }: Facts) =>
  Object.entries({ ejected, unhealthy, drained }).filter(([, count]) => count > 0);

const listOut = (row: Facts) =>
  outOf(row)
    .map(([state, count]) => `${count} ${state}`)
    .join(', ');

interface Known {
  readonly row: Facts;
  readonly record: UpstreamRecord;
  readonly slot: number;
  /** When the current slot began, by the wall clock. */
  readonly slotBeganMs: number;
  /** When the first endpoint comes back by itself; null where that is not known. */
  readonly backAt: string | null;
}

export function findTrouble({ row, record, slot, slotBeganMs, backAt }: Known): Trouble {
  const callersGet = describeCallers(row, record);
  const make = (
    state: TroubleState,
    weight: number,
    since: string | null,
    why: string,
  ): Trouble => ({
    state,
    weight: Math.round(weight),
    since,
    why,
    callersGet,
    endsWhen: endings[state] ?? '',
    until: null,
  });

  const worst = row.circuits
    // One in shadow lets calls through, unless it is forced.
    .filter(({ state, mode }) => isForced(state) || (state !== 'closed' && mode !== 'shadow'))
    .toSorted((a, b) => weightOf(b.state) - weightOf(a.state))[0];
  const bad = (row.failedShare ?? 0) + (row.refusedShare ?? 0);
  const degraded = row.degradedShare ?? 0;
  const { available, leaving } = row.endpoints;
  const out = outOf(row).reduce((sum, [, count]) => sum + count, 0);
  const noEndpoint =
    out > 0 && available === 0
      ? `None of its ${out + leaving} endpoints is available: ${listOut(row)}.`
      : undefined;
  // A probe needs an endpoint.
  const isProbing = worst?.state === 'half-open' && noEndpoint === undefined;
  if (worst !== undefined && (isProbing || refusing.has(worst.state))) {
    const { state, route, until } = worst;
    const whose = route === '' ? 'The circuit' : `The circuit of route ${route}`;
    const what = `${whose} is ${state.replace('-', ' ')}${effects[state] ?? ''}`;
    const weight = weightOf(state) - (route === '' ? 0 : 10) + bad * 9;
    // What was before it says nothing of an operator's order.
    if (isForced(state)) {
      return { ...make(state as TroubleState, weight, worst.since, `${what}.`), until };
    }
    const { reason, beganAt } = explainCircuit(record, route);
    const error = row.lastError === null ? undefined : `The last error: ${causeOf(row)}.`;
    const why = [`${[what, reason].filter(Boolean).join(': ')}.`, error, noEndpoint];
    const since = beganAt ?? worst.since;
    return { ...make(state as TroubleState, weight, since, why.filter(Boolean).join(' ')), until };
  }
  const since = () => badSince(record, slot, slotBeganMs);
  if (noEndpoint !== undefined) {
    return { ...make('no-endpoint', 80, record.endpointOutAt, noEndpoint), until: backAt };
  }
  const { bulkhead } = row;
  const isFull =
    bulkhead !== null && bulkhead.mode !== 'shadow' && bulkhead.active >= bulkhead.limit;
  const isRefusing = (row.refusedShare ?? 0) > (row.failedShare ?? 0);
  if (isFull && (bad < NOTICED || isRefusing)) {
    const why = `${bulkhead.active} of ${bulkhead.limit} slots are taken and ${bulkhead.queued} calls wait.`;
    return bad < NOTICED ? make('full', 38, null, why) : make('full', 38 + bad * 45, since(), why);
  }
  if (bad >= NOTICED) {
    const refused = `Breakwater refuses ${percent(bad)} of the calls: ${lastRefusal(record)}.`;
    const failed = `${percent(bad)} of the calls fail: ${causeOf(row)}.`;
    return make('failing', 40 + bad * 45, since(), isRefusing ? refused : failed);
  }
  if (degraded >= NOTICED) {
    return make('degraded', 30 + degraded * 8, since(), `Fallbacks stand in: ${causeOf(row)}.`);
  }
  if (row.retryBudgetRemaining === 0) {
    return make('no-retries', 25, null, 'The retry budget is used up.');
  }
  if (out > 0) {
    const why = `${listOut(row)} of ${out + available} endpoints.`;
    return { ...make('endpoints-out', 20, null, why), until: backAt };
  }
  if (worst !== undefined) {
    const why = 'The circuit is forced closed: it lets everything through and counts nothing.';
    return { ...make('forced-closed', 15, worst.since, why), until: worst.until };
  }
  const fault = row.faults[0];
  if (fault !== undefined) {
    const why = 'A fault is set on purpose.';
    return { ...make('fault-injected', 15, null, why), until: fault.until };
  }
  const isIdle = row.callsPerSecond === 0 && row.attemptsPerSecond === 0;
  return make(isIdle ? 'idle' : 'good', bad * 10, null, '');
}

/** States of a circuit in which calls are refused. */
const refusing: ReadonlySet<string> = new Set(['open', 'forced-open']);

const isForced = (state: string) => state.startsWith('forced');

function weightOf(state: string): number {
  if (state === 'open') return 90;
  if (state === 'forced-open') return 85;
  return state === 'half-open' ? 70 : 15;
}
