/** The caller's trace, as `traceparent` names it (W3C Trace Context). */
import { combinedValue, type Fields } from './fields.js';

export interface Trace {
  /** 32 hexadecimal digits. */
  readonly id: string;
  /** The caller records the trace, so that it can be found by its id. */
  readonly isSampled: boolean;
}

/** What a caller says of the trace that its call belongs to. */
export interface CallerTrace extends Trace {
  /** The caller's span: 16 hexadecimal digits. */
  readonly parentId: string;
  /** Those bits that the specification defines: 1 for sampled, 2 for a random id. */
  readonly flags: number;
}

/** The id is one that the caller records. */
export const SAMPLED_FLAG = 1;

/** The last 7 bytes of the id are random. */
export const RANDOM_FLAG = 2;

const KNOWN_FLAGS = SAMPLED_FLAG | RANDOM_FLAG;

/** Version, trace id, parent id and flags; later versions may say more. */
const FORMAT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

const ALL_ZERO = /^0+$/;

/** @returns undefined where there is none, where it is not valid, and where there are several. */
export function readTrace(fields: Fields): CallerTrace | undefined {
  const value = combinedValue(fields, 'traceparent');
  if (value === undefined) return undefined;
  const [, version, id = '', parentId = '', bits = '', more] = FORMAT.exec(value.trim()) ?? [];
  if (version === undefined || version === 'ff') return undefined;
  if (version === '00' && more !== undefined) return undefined;
  if (ALL_ZERO.test(id) || ALL_ZERO.test(parentId)) return undefined;
  const flags = Number.parseInt(bits, 16) & KNOWN_FLAGS;
  return { id, parentId, flags, isSampled: (flags & SAMPLED_FLAG) !== 0 };
}

/** @param spanId of the span that the receiver's belong to. @param flags below 16. */
export const formatTraceparent = (traceId: string, spanId: string, flags: number): string =>
  `00-${traceId}-${spanId}-0${flags.toString(16)}`;
