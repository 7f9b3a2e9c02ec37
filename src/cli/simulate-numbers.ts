/** The numbers on the command line of `breakwater simulate`. */
import { parseDuration } from '../config/schema/units.js';
import { CannotSimulate } from '../simulation/scenarios.js';

/** As they are written. */
export interface NumberOptions {
  readonly rps?: string | undefined;
  readonly seconds?: string | undefined;
  readonly seed: string;
  readonly latency?: string | undefined;
  readonly capacity?: string | undefined;
}

/** Undefined where they are not written. */
export interface Numbers {
  /** Calls per second. */
  readonly rps: number | undefined;
  readonly durationMs: number | undefined;
  readonly seed: number;
  /** What the upstream takes on average. */
  readonly latencyMs: number | undefined;
  /** Requests per second that the upstream can serve. */
  readonly capacity: number | undefined;
}

const MAX_PER_SECOND = 100_000;
/** A day. */
const MAX_SECONDS = 86_400;
/** The generator of random numbers has 32 bits. */
const MAX_SEED = 2 ** 32 - 1;

/** @throws CannotSimulate with what is allowed. */
export function readNumbers(options: NumberOptions): Numbers {
  const seconds = readNumber('--seconds', options.seconds, MAX_SECONDS);
  return {
    rps: readNumber('--rps', options.rps, MAX_PER_SECOND),
    durationMs: seconds === undefined ? undefined : seconds * 1000,
    seed: readSeed(options.seed),
    latencyMs: readLatency(options.latency),
    capacity: readNumber('--capacity', options.capacity, MAX_PER_SECOND * 10),
  };
}

function readNumber(option: string, text: string | undefined, max: number): number | undefined {
  if (text === undefined) return undefined;
  const value = text.trim() === '' ? NaN : Number(text);
  if (value > 0 && value <= max) return value;
  throw refusal(option, text, `a number above 0, at most ${max}`);
}

function readSeed(text: string): number {
  if (/^\d+$/.test(text) && Number(text) <= MAX_SEED) return Number(text);
  throw refusal('--seed', text, `a whole number from 0 to ${MAX_SEED}`);
}

function readLatency(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = parseDuration(text);
  if (value !== undefined && value > 0) return value;
  throw refusal('--latency', text, 'a duration above 0, such as 50ms or 1.5s');
}

const refusal = (option: string, text: string, allowed: string) =>
  new CannotSimulate(
    `Cannot simulate because ${option} is ${JSON.stringify(text)}; it must be ${allowed}`,
  );
