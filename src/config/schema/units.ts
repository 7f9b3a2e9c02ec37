/** The notation of durations, sizes, shares and rates, read and written. */
import { unitPatterns, type Unit } from '../../core/options.js';
import { durationUnits, formatDuration, parseDuration } from '../../lib/duration.js';

export { parseDuration };

/** Units from the smallest on: ms, bytes, the share as a fraction, and for a rate the seconds that it is for. */
const scales: Readonly<Record<Unit, Readonly<Record<string, number>>>> = {
  duration: durationUnits,
  size: { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 },
  share: { '%': 0.01 },
  rate: { '/s': 1, '/m': 60, '/h': 3600 },
};

/** Beyond this Node's timers fire at once: about 24.8 days. */
export const LONGEST_DURATION_MS = 2 ** 31 - 1;

const expressions = Object.fromEntries(
  Object.entries(unitPatterns).map(([unit, pattern]) => [unit, new RegExp(pattern)]),
) as Record<Unit, RegExp>;

/** @returns ms, bytes, a share 0..1 or a number per second; undefined where the text is none. */
export function parseQuantity(unit: Unit, text: string): number | undefined {
  if (unit === 'duration') return parseDuration(text);
  if (!expressions[unit].test(text)) return undefined;
  const amount = Number.parseFloat(text);
  const scale = scales[unit][text.replace(/^[\d.]+/, '')];
  if (scale === undefined) return undefined;
  // 20 x 0.01 is not quite 0.2.
  if (unit === 'share') return amount / 100;
  if (unit === 'rate') return amount / scale;
  return unit === 'size' ? Math.round(amount * scale) : amount * scale;
}

/** In the largest unit that needs no fraction. */
export function formatQuantity(unit: Unit, value: number): string {
  if (unit === 'share') return `${round(value * 100)}%`;
  if (unit === 'rate') return formatRate(value);
  if (unit === 'duration') return formatDuration(value);
  let best = `${value}${Object.keys(scales[unit])[0]}`;
  if (value === 0) return best;
  for (const [name, scale] of Object.entries(scales[unit])) {
    if (value % scale === 0) best = `${value / scale}${name}`;
  }
  return best;
}

/** Without what a division has left. */
const round = (value: number) => Number(value.toPrecision(12));

/** In the shortest unit that needs no fraction. */
function formatRate(perSecond: number): string {
  const [name, seconds] =
    Object.entries(scales.rate).find(([, each]) => Number.isInteger(round(perSecond * each))) ??
    (['/s', 1] as const);
  return `${round(perSecond * seconds)}${name}`;
}

/** Examples of the notation, for messages. */
export const unitExamples: Readonly<Record<Unit, string>> = {
  duration: 'a duration such as 250ms, 1.5s, 2m or 1h',
  size: 'a size such as 512B, 64KiB, 1MiB or 1GiB',
  share: 'a share such as 20%',
  rate: 'a rate such as 100/s, 30/m or 10/h',
};

/** Spellings of units that other programs allow. */
const otherSpellings: Readonly<Record<string, string>> = {
  // The type checker takes it for a key; it is the way to write an object without inherited ones.
  __proto__: null as never,
  msec: 'ms',
  millis: 'ms',
  sec: 's',
  secs: 's',
  second: 's',
  seconds: 's',
  min: 'm',
  mins: 'm',
  minute: 'm',
  minutes: 'm',
  hr: 'h',
  hour: 'h',
  hours: 'h',
  b: 'B',
  byte: 'B',
  bytes: 'B',
  k: 'KiB',
  kb: 'KiB',
  kib: 'KiB',
  m: 'MiB',
  mb: 'MiB',
  mib: 'MiB',
  g: 'GiB',
  gb: 'GiB',
  gib: 'GiB',
  percent: '%',
  '/sec': '/s',
  '/second': '/s',
  ps: '/s',
  rps: '/s',
  qps: '/s',
  '/min': '/m',
  '/minute': '/m',
  rpm: '/m',
  '/hr': '/h',
  '/hour': '/h',
};

function bareNumber(unit: Unit, amount: string): string[] {
  const value = Number(amount);
  switch (unit) {
    case 'duration':
      // A number without a unit is meant in seconds or in milliseconds: the likelier one comes first.
      return value >= 100 || !Number.isInteger(value * 1000)
        ? [`${amount}ms`, `${amount}s`]
        : [`${amount}s`, `${amount}ms`];
    case 'size':
      return value >= 1024 || value === 0
        ? [`${amount}B`, formatQuantity('size', value)]
        : [`${amount}KiB`, `${amount}MiB`];
    case 'share':
      return value > 0 && value <= 1
        ? [formatQuantity('share', value), `${amount}%`]
        : [`${amount}%`, formatQuantity('share', value)];
    case 'rate':
      return [`${amount}/s`, `${amount}/m`];
  }
}

/** `1h 30m` and `PT1H30M`, as other programs write it. */
function joinParts(written: string): string | undefined {
  const joined = written
    .replace(/^PT(?=\d)/i, '')
    .replaceAll(/\s+/g, '')
    .toLowerCase();
  return parseDuration(joined) === undefined ? undefined : joined;
}

/** `00:01:30`, with an optional fraction of a second. */
function readClock(written: string): string | undefined {
  const found = /^(\d{1,2}):(\d{2}):(\d{2}(?:\.\d+)?)$/.exec(written);
  if (found === null) return undefined;
  const [hours, minutes, seconds] = found.slice(1).map(Number) as [number, number, number];
  return formatQuantity('duration', Math.round((hours * 3600 + minutes * 60 + seconds) * 1000));
}

/** The likeliest corrections of what was written where a quantity is needed: two for a bare number. */
export function suggestQuantities(unit: Unit, written: string): string[] {
  if (unit === 'duration') {
    const duration = joinParts(written) ?? readClock(written);
    if (duration !== undefined) return [duration];
  }
  const text = unit === 'rate' ? written.replace(/\s*(?:\/|\bper\b)\s*/i, '/') : written;
  const found = /^\+?(\d+(?:\.\d+)?|\.\d+)\s*([a-z%/]*)$/i.exec(text.trim());
  if (found === null) return [];
  const amount = found[1]!.startsWith('.') ? `0${found[1]}` : found[1]!;
  const name = found[2]!;
  if (name === '') return [...new Set(bareNumber(unit, amount))];
  const lower = name.toLowerCase();
  const candidates = [name, lower, otherSpellings[lower] ?? ''];
  const fitting = candidates.find((candidate) => Object.hasOwn(scales[unit], candidate));
  return fitting === undefined ? [] : [`${amount}${fitting}`];
}
