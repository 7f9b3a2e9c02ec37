/** Random ids of traces and spans (W3C Trace Context, level 2: all bytes of a trace id are random). */
import type { Random } from '../../core/clock.js';

const WORD_BYTES = 4;
const VALUES = 2 ** 32;

/** Written anew for each id. */
const bytes = Buffer.alloc(16);

/** @param length in bytes. @returns hexadecimal digits, never all zero: an id of zeros is not valid. */
function createId(random: Random, length: number): string {
  const last = length - WORD_BYTES;
  for (let at = 0; at < last; at += WORD_BYTES) {
    bytes.writeUInt32BE(Math.floor(random() * VALUES), at);
  }
  bytes.writeUInt32BE(1 + Math.floor(random() * (VALUES - 1)), last);
  return bytes.toString('hex', 0, length);
}

/** 16 hexadecimal digits. */
export const createSpanId = (random: Random): string => createId(random, 8);

/** 32 hexadecimal digits. */
export const createTraceId = (random: Random): string => createId(random, 16);
