/** Reads what a stream holds already. */
import type { Readable } from 'node:stream';

/** All the bytes that have come. From version 26 on, `read()` of Node returns no more than one piece of them. */
export function readAll(stream: Readable): Buffer | null {
  const first = stream.read() as Buffer | null;
  if (stream.readableLength === 0) return first;
  const pieces: Buffer[] = [];
  for (let next = first; next !== null; next = stream.read() as Buffer | null) pieces.push(next);
  return Buffer.concat(pieces);
}
