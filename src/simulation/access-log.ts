/** Requests out of Breakwater's own access log. */
import { Heap } from '../lib/heap.js';
import { readLines } from './lines.js';
import type { Arrival, Traffic } from './traffic.js';

/** One line of the access log. */
interface LoggedRequest {
  readonly upstream: string;
  readonly method: string;
  readonly path: string;
  /** ms since the Unix epoch. */
  readonly startMs: number;
  readonly endMs: number;
  /** What one attempt took, in ms; undefined where there was none. */
  readonly serviceMs: number | undefined;
}

/** A line that is none of the access log, and why. */
export interface SkippedLine {
  readonly line: number;
  readonly why: string;
}

export interface LogSurvey {
  readonly file: string;
  /** Of the upstream that is asked for. */
  readonly requests: number;
  /** From the first request's start to the last one's, in ms since the Unix epoch. */
  readonly fromMs: number;
  readonly toMs: number;
  /** What an attempt took on average; undefined where there was none. */
  readonly meanServiceMs: number | undefined;
  /** Requests that ended in the busiest second. */
  readonly busiestSecond: number;
  /** Requests of other upstreams, by name; at most some of them. */
  readonly others: ReadonlyMap<string, number>;
  readonly skipped: number;
  /** The first of them. */
  readonly examples: readonly SkippedLine[];
}

const MAX_EXAMPLES = 3;
const MAX_OTHERS = 20;

type Fields = Readonly<Record<string, unknown>>;

/** The latest instant of a `Date`. JSON can hold numbers that are far larger, and ones that are read as infinite. */
const LATEST_MS = 8.64e15;

const isTime = (value: unknown): value is number =>
  typeof value === 'number' && value >= 0 && value <= LATEST_MS;

/** @returns why it is not a line of the access log, where it is not. A prefix that a log collector has written does not matter. */
function readLine(line: string): LoggedRequest | string {
  const start = line.indexOf('{');
  if (start === -1) return 'no JSON';
  let fields: Fields;
  try {
    fields = JSON.parse(line.slice(start)) as Fields;
  } catch {
    return 'no JSON';
  }
  const { msg, time, upstream, method, path, durationMs, upstreamMs, outcomes } = fields;
  if (msg !== 'exchange') return 'another message';
  const endMs = typeof time === 'string' ? Date.parse(time) : time;
  if (!isTime(endMs)) return 'no `time`';
  if (typeof upstream !== 'string') return 'no `upstream`';
  if (typeof method !== 'string' || typeof path !== 'string') return 'no `method` and `path`';
  if (!isTime(durationMs)) return 'no `durationMs`';
  const attempts = Array.isArray(outcomes) ? outcomes.length : 0;
  const serviceMs = attempts > 0 && isTime(upstreamMs) ? upstreamMs / attempts : undefined;
  return { upstream, method, path, startMs: endMs - durationMs, endMs, serviceMs };
}

/** Reads the log once, for what has to be known before it is replayed. */
export function surveyLog(file: string, upstream: string): LogSurvey {
  const others = new Map<string, number>();
  const examples: SkippedLine[] = [];
  let [requests, skipped, line] = [0, 0, 0];
  let [fromMs, toMs] = [Infinity, -Infinity];
  let [serviceMs, served] = [0, 0];
  let [second, inSecond, busiestSecond] = [NaN, 0, 0];
  for (const text of readLines(file)) {
    line += 1;
    if (text.trim() === '') continue;
    const read = readLine(text);
    if (typeof read === 'string') {
      skipped += 1;
      if (examples.length < MAX_EXAMPLES) examples.push({ line, why: read });
      continue;
    }
    if (read.upstream !== upstream) {
      const known = others.get(read.upstream);
      if (known !== undefined || others.size < MAX_OTHERS) {
        others.set(read.upstream, (known ?? 0) + 1);
      }
      continue;
    }
    requests += 1;
    fromMs = Math.min(fromMs, read.startMs);
    toMs = Math.max(toMs, read.startMs);
    if (read.serviceMs !== undefined) {
      serviceMs += read.serviceMs;
      served += 1;
    }
    const endSecond = Math.floor(read.endMs / 1000);
    inSecond = endSecond === second ? inSecond + 1 : 1;
    second = endSecond;
    busiestSecond = Math.max(busiestSecond, inSecond);
  }
  const meanServiceMs = served === 0 ? undefined : serviceMs / served;
  const found = { file, requests, fromMs, toMs, meanServiceMs, busiestSecond };
  return { ...found, others, skipped, examples };
}

/** Lines come when their requests end, so that those of this many ms are put in order by their start. */
const ORDERED_MS = 60_000;
const MAX_HELD = 100_000;

interface Held {
  readonly arrival: Arrival;
}

/** The requests of the log, from its first one on. Reads as it is asked for them. A request that lasted longer than others can be held for comes late. */
export function* replayLog({ file, fromMs }: LogSurvey, upstream: string): Traffic {
  const held = new Heap<Held>((a, b) => a.arrival.atMs < b.arrival.atMs);
  let lastMs = 0;
  const take = (): Arrival => {
    const first = held.first!;
    held.delete(first);
    lastMs = Math.max(lastMs, first.arrival.atMs);
    return { ...first.arrival, atMs: lastMs };
  };
  for (const text of readLines(file)) {
    const read = readLine(text);
    if (typeof read === 'string' || read.upstream !== upstream) continue;
    const { method, path, startMs, endMs, serviceMs } = read;
    held.put({ arrival: { atMs: startMs - fromMs, method, path, serviceMs } });
    const dueMs = endMs - fromMs - ORDERED_MS;
    while (held.size > MAX_HELD || (held.first?.arrival.atMs ?? Infinity) < dueMs) yield take();
  }
  while (held.size > 0) yield take();
}
