/** How policies write what they keep in a store: the one encoding of kept responses, and of what stands in for one. */

import type { Value } from './store.js';

/** What a value holds; its policy says what is in the head of each. */
export const keptKinds = {
  response: 1,
  /** Where to look on: names of the fields that responses vary by. */
  vary: 2,
  /** A call that runs: its response is to come. */
  lock: 3,
  /** When something became out of date. */
  news: 4,
} as const;

export type KeptKind = (typeof keptKinds)[keyof typeof keptKinds];

export interface Kept {
  readonly kind: number;
  readonly head: unknown;
  readonly body: Buffer;
}

/** In the upper half of the first byte; the kind is in the lower. */
const VERSION = 0x10;
const PREFIX_BYTES = 5;

/** First byte, length of the JSON in four, the head as JSON; the body follows as it is. */
export function encodeKept(kind: KeptKind, head: object): Buffer {
  const json = Buffer.from(JSON.stringify(head));
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt8(VERSION | kind, 0);
  prefix.writeUInt32BE(json.length, 1);
  return Buffer.concat([prefix, json]);
}

/** A response in parts, so that its body need not be copied for it. */
export const encodeResponse = (head: object, body: readonly Uint8Array[]): Value => [
  encodeKept(keptKinds.response, head),
  ...body,
];

/** @returns undefined for what `encodeKept` has not made, or has made in another version. */
export function decodeKept(value: Buffer): Kept | undefined {
  if (value.length < PREFIX_BYTES) return undefined;
  const first = value.readUInt8(0);
  const bodyAt = PREFIX_BYTES + value.readUInt32BE(1);
  if ((first & 0xf0) !== VERSION || bodyAt > value.length) return undefined;
  try {
    const head: unknown = JSON.parse(value.toString('utf8', PREFIX_BYTES, bodyAt));
    return { kind: first & 0x0f, head, body: value.subarray(bodyAt) };
  } catch {
    return undefined;
  }
}
