/** The caller's trace, as `traceparent` names it (W3C Trace Context). */
import { combinedValue, type Fields } from './fields.js';

export interface Trace {
  /** 32 hexadecimal digits. */
  readonly id: string;
  /** The caller records the trace, so that it can be found by its id. */
  readonly isSampled: boolean;
}

/** Version, trace id, parent id and flags; later versions may say more. */
const FORMAT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

const ALL_ZERO = /^0+$/;

/** @returns undefined where there is none, where it is not valid, and where there are several. */
export function readTrace(fields: Fields): Trace | undefined {
  const value = combinedValue(fields, 'traceparent');
  if (value === undefined) return undefined;
  const [, version, id = '', parent = '', flags = '', more] = FORMAT.exec(value.trim()) ?? [];
  if (version === undefined || version === 'ff') return undefined;
  if (version === '00' && more !== undefined) return undefined;
  if (ALL_ZERO.test(id) || ALL_ZERO.test(parent)) return undefined;
  return { id, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}
