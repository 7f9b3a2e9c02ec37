/**
 * An operator's order, read from the body of a request: `{"state": ..., "ttl": "10m", "reason": "..."}`, or with settings
 * of a policy in place of the state.
 */
import { unitPatterns } from '../core/options.js';
import type { ParseDuration } from './endpoint.js';
import { AdminError } from './problem.js';

export interface Order<State extends string> {
  readonly state: State;
  /** Undefined: until the next change. */
  readonly ttlMs: number | undefined;
  /** For the log. */
  readonly reason: string | undefined;
}

const keys = new Set(['state', 'ttl', 'reason']);

/** Characters of a reason. */
const MAX_REASON = 200;

const durationPattern = new RegExp(unitPatterns.duration);

/**
 * @param subject what is to be set, for messages: `the circuit`.
 * @throws AdminError 400 that says what is allowed.
 */
export function parseOrder<State extends string>(
  body: unknown,
  subject: string,
  states: readonly State[],
  parseDuration: ParseDuration,
): Order<State> {
  const invalid = (why: string) => invalidOrder(subject, states, why);
  const order = parseObject(body, invalid);
  const unknown = Object.keys(order).find((key) => !keys.has(key));
  if (unknown !== undefined) throw invalid(`the key ${JSON.stringify(unknown)} is unknown`);
  const state = states.find((name) => name === order['state']);
  if (state === undefined) {
    const given =
      'state' in order ? `${JSON.stringify(order['state'])}, which is unknown` : 'missing';
    throw invalid(`state is ${given}`);
  }
  const reason = readReason(order, invalid);
  return { state, ttlMs: readTtl(order, parseDuration, invalid), reason };
}

/** @returns undefined where there is none. */
function readTtl(
  { ttl }: Readonly<Record<string, unknown>>,
  parseDuration: ParseDuration,
  invalid: (why: string) => AdminError,
): number | undefined {
  if (ttl === undefined) return undefined;
  const ttlMs =
    typeof ttl === 'string' && durationPattern.test(ttl) ? parseDuration(ttl) : undefined;
  if (ttlMs === undefined || ttlMs <= 0) {
    throw invalid(`ttl is ${JSON.stringify(ttl)}, which is not a duration above 0`);
  }
  return ttlMs;
}

export interface SettingsOrderForm {
  /** What is to be set, for messages. */
  readonly subject: string;
  /** The key that has the settings. */
  readonly key: string;
  readonly maxTtlMs: number;
  readonly parseDuration: ParseDuration;
  readonly readSettings: (
    written: unknown,
  ) => { readonly settings: unknown } | { readonly problem: string };
}

export interface ParsedSettings {
  /** Undefined: those of the file. */
  readonly settings: unknown;
  readonly ttlMs: number;
  readonly reason: string | undefined;
  /** As they were sent. */
  readonly written: unknown;
}

/** @throws AdminError 400 that says what is allowed. */
export function parseSettingsOrder(body: unknown, form: SettingsOrderForm): ParsedSettings {
  const { subject, key, maxTtlMs, parseDuration, readSettings } = form;
  const invalid = (why: string) =>
    new AdminError(
      400,
      `Cannot set ${subject} because ${why}; allowed is {"${key}": {...} | null, "ttl": "10m", "reason": "..."}, ttl being at most ${maxTtlMs / 3_600_000}h and needed unless ${key} is null`,
    );
  const order = parseObject(body, invalid);
  const known = new Set([key, 'ttl', 'reason']);
  const unknown = Object.keys(order).find((each) => !known.has(each));
  if (unknown !== undefined) throw invalid(`the key ${JSON.stringify(unknown)} is unknown`);
  if (!Object.hasOwn(order, key)) throw invalid(`${key} is missing`);
  const written = order[key];
  const reason = readReason(order, invalid);
  const ttlMs = readTtl(order, parseDuration, invalid);
  // What overrides nothing has no end.
  if (written === null) return { settings: undefined, ttlMs: 0, reason, written };
  if (ttlMs === undefined) throw invalid('ttl is missing: it must end by itself');
  if (ttlMs > maxTtlMs) {
    throw invalid(`ttl is ${JSON.stringify(order['ttl'])}, which is too long`);
  }
  const read = readSettings(written);
  if ('problem' in read) throw invalid(read.problem);
  return { settings: read.settings, ttlMs, reason, written };
}

function readReason(
  { reason }: Readonly<Record<string, unknown>>,
  invalid: (why: string) => AdminError,
): string | undefined {
  if (reason === undefined) return undefined;
  if (typeof reason !== 'string' || reason.length > MAX_REASON) {
    throw invalid(`reason is not a text of at most ${MAX_REASON} characters`);
  }
  return reason === '' ? undefined : reason;
}

/** The reason of an order that has nothing else; undefined for any other body, or none. */
export function reasonIn(body: unknown): string | undefined {
  try {
    const { reason } = JSON.parse(String(body)) as { reason?: unknown };
    return typeof reason === 'string' ? reason.slice(0, MAX_REASON) : undefined;
  } catch {
    return undefined;
  }
}

function parseObject(
  body: unknown,
  invalid: (why: string) => AdminError,
): Readonly<Record<string, unknown>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(String(body));
  } catch {
    throw invalid('the body is not JSON');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw invalid('the body is not a JSON object');
  }
  return parsed as Record<string, unknown>;
}

function invalidOrder(subject: string, states: readonly string[], why: string): AdminError {
  const allowed = states.map((state) => `"${state}"`).join(' | ');
  return new AdminError(
    400,
    `Cannot set ${subject} because ${why}; allowed is {"state": ${allowed}, "ttl": "10m", "reason": "..."}, ttl and reason being optional`,
  );
}
