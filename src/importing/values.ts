/** Durations, shares and lists of statuses as other programs write them, in the notation of Breakwater. */
import { formatQuantity, LONGEST_DURATION_MS } from '../config/schema/units.js';
import { grpcCodes, type GrpcCode } from '../http/grpc.js';

/** In whole milliseconds, at least one; a longer time than timers can hold is cut. */
export const showDuration = (ms: number): string =>
  formatQuantity('duration', Math.min(LONGEST_DURATION_MS, Math.max(1, Math.round(ms))));

/** @param share 0..1 */
export const showShare = (share: number): string => formatQuantity('share', share);

/** @param perSecond above 0 */
export const showRate = (perSecond: number): string => formatQuantity('rate', perSecond);

const units: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const PART = /(\d+(?:\.\d+)?|\.\d+)([a-zµμ]+)/gu;

/** `1h30m`, `250ms`, `0.25s` in ms; undefined for anything else. */
export function parseUnits(text: string): number | undefined {
  if (!/^(?:(?:\d+(?:\.\d+)?|\.\d+)[a-zµμ]+)+$/u.test(text)) return undefined;
  let sum = 0;
  for (const [, amount, unit] of text.matchAll(PART)) {
    const scale = units[unit!];
    if (scale === undefined) return undefined;
    sum += Number(amount) * scale;
  }
  return sum;
}

/** `PT1M30.5S` (ISO 8601), in ms. */
export function parseIsoDuration(text: string): number | undefined {
  const found = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/i.exec(text);
  if (found === null || /^P(?:T)?$/i.test(text)) return undefined;
  const [days, hours, minutes, seconds] = found.slice(1).map((part) => Number(part ?? 0));
  return ((days! * 24 + hours!) * 60 + minutes!) * 60_000 + seconds! * 1000;
}

/** Statuses that servers really send. */
const usedStatuses = [
  200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 307, 308, 400, 401,
  402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 418, 421, 422,
  423, 424, 425, 426, 428, 429, 431, 451, 500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511,
  520, 521, 522, 523, 524, 525, 526, 529,
];

/** Those in use, both ends included. */
export const statusesBetween = (from: number, to: number): number[] =>
  usedStatuses.filter((status) => status >= from && status <= to);

/** `429,500-599`: each status, and of a range those in use. Undefined where it is no such list. */
export function parseStatusList(
  text: string,
): { statuses: number[]; hasRange: boolean } | undefined {
  const statuses = new Set<number>();
  let hasRange = false;
  for (const part of text.split(',')) {
    const found = /^\s*(\d{3})(?:\s*-\s*(\d{3}))?\s*$/.exec(part);
    if (found === null) return undefined;
    const from = Number(found[1]);
    if (found[2] === undefined) statuses.add(from);
    else {
      hasRange = true;
      for (const status of statusesBetween(from, Number(found[2]))) statuses.add(status);
    }
  }
  return { statuses: [...statuses].toSorted((a, b) => a - b), hasRange };
}

/** `1,8-14` as names. */
export function parseGrpcCodes(text: string): GrpcCode[] | undefined {
  const names = new Set<GrpcCode>();
  for (const part of text.split(',')) {
    const found = /^\s*(\d{1,2})(?:\s*-\s*(\d{1,2}))?\s*$/.exec(part);
    if (found === null) return undefined;
    const last = Number(found[2] ?? found[1]);
    for (let code = Number(found[1]); code <= last; code += 1) {
      const name = grpcCodes[code];
      if (name === undefined) return undefined;
      if (name !== 'OK') names.add(name);
    }
  }
  return [...names];
}
