/** The fault that a request asks for by its header. */
import { combinedValue, firstValue, type Fields } from '../../http/fields.js';
import { parseDuration } from '../../lib/duration.js';
import type { Fault } from './fault.js';
import { MAX_STATUS, MIN_STATUS } from './options.js';

/** In ms: no request waits longer for a response that is late on purpose. */
const MAX_DELAY_MS = 3_600_000;

/** The accepted forms, for messages. */
export const FAULT_FORMS = `delay=2s (up to 1h), abort=503 (${MIN_STATUS} to ${MAX_STATUS}) or reset, and first=2 for the first attempts only; several are separated by commas`;

export interface AskedFault extends Fault {
  /** Only so many first attempts of the call get it. */
  readonly first: number;
}

/** Undefined without the field. An empty field asks for nothing that there is. @param lowerName of the header. */
export const askedIn = (headers: Fields, lowerName: string): string | undefined =>
  combinedValue(headers, lowerName) ?? firstValue(headers, lowerName);

function readNumber(text: string | undefined, pattern: RegExp): number | undefined {
  return text !== undefined && pattern.test(text) ? Number(text) : undefined;
}

/** @returns undefined where the text asks for no fault. */
export function parseAskedFault(text: string): AskedFault | undefined {
  const asked = new Map<string, string | undefined>();
  for (const part of text.split(',')) {
    const [name = '', value, ...rest] = part.trim().split('=');
    if (rest.length > 0 || asked.has(name)) return undefined;
    asked.set(name, value);
  }
  let delayMs = 0;
  let end: Fault['end'];
  let first = Infinity;
  for (const [name, value] of asked) {
    if (name === 'delay') {
      delayMs = parseDuration(value ?? '') ?? 0;
      if (delayMs === 0 || delayMs > MAX_DELAY_MS) return undefined;
    } else if (name === 'abort' && end === undefined) {
      end = readNumber(value, /^\d{3}$/);
      if (end === undefined || end < MIN_STATUS || end > MAX_STATUS) return undefined;
    } else if (name === 'reset' && value === undefined && end === undefined) {
      end = 'reset';
    } else if (name === 'first') {
      first = readNumber(value, /^\d{1,9}$/) ?? 0;
      if (first === 0) return undefined;
    } else {
      return undefined;
    }
  }
  return delayMs === 0 && end === undefined ? undefined : { delayMs, end, first };
}
