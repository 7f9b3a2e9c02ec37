/** Random ids of traces and spans (W3C Trace Context, level 2: all bytes of a trace id are random). */
import type { Random } from '../../core/clock.js';

const DIGITS = 8;
const VALUES = 2 ** 32;

/** 32 random bits as hexadecimal digits. */
const word = (random: Random) =>
  Math.floor(random() * VALUES)
    .toString(16)
    .padStart(DIGITS, '0');

/** As `word`, but never all zero: an id of zeros is not valid. */
const wordAboveZero = (random: Random) =>
  (1 + Math.floor(random() * (VALUES - 1))).toString(16).padStart(DIGITS, '0');

/** 16 hexadecimal digits. */
export const createSpanId = (random: Random): string => word(random) + wordAboveZero(random);

/** 32 hexadecimal digits. */
export const createTraceId = (random: Random): string =>
  word(random) + word(random) + createSpanId(random);
