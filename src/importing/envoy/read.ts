/** Values as Envoy writes them: durations in seconds, shares in percent, wrapped numbers. */
import type { Part } from '../part.js';
import type { Foreign } from '../foreign.js';
import { parseUnits, showDuration } from '../values.js';

/** `0.25s` in ms; undefined where there is none, or no duration. */
export function readDuration(value: Foreign | undefined): number | undefined {
  const text = value?.text();
  if (text === undefined) return undefined;
  return parseUnits(text);
}

/** `{ value: 20 }` as well as `20`, in percent. */
export const readPercent = (value: Foreign | undefined): number | undefined =>
  (value?.get('value') ?? value)?.number();

const denominators: Readonly<Record<string, number>> = {
  HUNDRED: 100,
  TEN_THOUSAND: 10_000,
  MILLION: 1_000_000,
};

/** `{ numerator: 10, denominator: HUNDRED }`, or `{ default_value: ... }` around it. @returns a share 0..1. */
export function readFraction(value: Foreign | undefined): number | undefined {
  const fraction = value?.get('default_value') ?? value;
  const numerator = fraction?.get('numerator')?.number();
  if (numerator === undefined) return undefined;
  const denominator = fraction?.get('denominator')?.text() ?? 'HUNDRED';
  return numerator / (denominators[denominator] ?? 100);
}

/**
 * Sets an option that is `off` at 0, as in Envoy.
 * @returns whether there was a duration.
 */
export function setDuration(part: Part, path: string, value: Foreign | undefined): boolean {
  if (value === undefined) return false;
  const ms = readDuration(value);
  if (ms === undefined) {
    part.note(`${value.origin}: this is no duration, so it is left out.`);
    return false;
  }
  part.set(path, ms > 0 ? showDuration(ms) : 'off', value);
  return true;
}
