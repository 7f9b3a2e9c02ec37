/** A consistent hash: endpoints own the arcs of a ring, and one that leaves moves the keys of its own arcs only. */
import { createHash } from 'node:crypto';
import type { Balanced } from './balancer.js';

/** Points on the ring of an endpoint of weight 1. The more, the more even are the shares: with 160 within some 8%. */
const POINTS = 160;
/** Enough for 1,600 endpoints of weight 1; beyond that, all have half, a quarter and so on of their points. */
const MAX_POINTS = 2 ** 18;

/** Spreads numbers over 32 bits, one to one: the finalizer of MurmurHash3. */
export function mix(value: number): number {
  let bits = value;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

/** The same addresses and weights, in any order, give the same ring in each process. */
export class HashRing<E extends Balanced> {
  /** By address, so that the order of two points at the same place is always the same. */
  readonly #endpoints: readonly E[];
  /** Where the points are, in order. */
  readonly #places: Uint32Array;
  /** The index of the endpoint to which each point belongs. */
  readonly #owners: Uint32Array;
  /** The ring in as many equal parts as there are points or more: the first point of each part, or after it. */
  readonly #starts: Uint32Array;
  readonly #shift: number;

  /** @param endpoints at least one. */
  constructor(endpoints: readonly E[]) {
    this.#endpoints = endpoints.toSorted((a, b) => (a.address < b.address ? -1 : 1));
    const counts = countPoints(this.#endpoints);
    const length = counts.reduce((sum, count) => sum + count, 0);
    const bits = Math.ceil(Math.log2(length + 1));
    this.#shift = 32 - bits;
    this.#places = new Uint32Array(length);
    this.#owners = new Uint32Array(length);
    this.#starts = new Uint32Array(2 ** bits + 1);
    this.#fill(counts);
  }

  /** O(1): the endpoint at the first point from this place on. @param place of 32 bits. */
  at(place: number): E {
    const part = place >>> this.#shift;
    let point = this.#starts[part]!;
    const end = this.#starts[part + 1]!;
    while (point < end && this.#places[point]! < place) point++;
    return this.#endpoints[this.#owners[point === this.#owners.length ? 0 : point]!]!;
  }

  /** Sorts the points into the parts, which is O(n) because there are few in each. */
  #fill(counts: readonly number[]): void {
    const places = spreadAll(this.#endpoints, counts, this.#places.length);
    const starts = this.#starts;
    for (const place of places) starts[(place >>> this.#shift) + 1]!++;
    for (let part = 1; part < starts.length; part++) starts[part]! += starts[part - 1]!;
    const ends = starts.slice();
    let next = 0;
    for (const [owner, count] of counts.entries()) {
      for (const last = next + count; next < last; next++) {
        const place = places[next]!;
        const part = place >>> this.#shift;
        this.#insert(place, owner, starts[part]!, ends[part]!++);
      }
    }
  }

  /** Puts a point among those of its part, which are in order from `start` until `end`. */
  #insert(place: number, owner: number, start: number, end: number): void {
    let at = end;
    for (; at > start && this.#places[at - 1]! > place; at--) {
      this.#places[at] = this.#places[at - 1]!;
      this.#owners[at] = this.#owners[at - 1]!;
    }
    this.#places[at] = place;
    this.#owners[at] = owner;
  }
}

/** As little as possible depends on the other endpoints, because that moves keys between those that stay. */
function countPoints(endpoints: readonly Balanced[]): readonly number[] {
  const weight = endpoints.reduce((sum, endpoint) => sum + endpoint.weight, 0);
  let points = POINTS;
  while (points * weight > MAX_POINTS) points /= 2;
  return endpoints.map((endpoint) => Math.max(1, Math.round(points * endpoint.weight)));
}

/** The points of all endpoints, one endpoint after the other. Fewer points of one are the first ones of more. */
function spreadAll(
  endpoints: readonly Balanced[],
  counts: readonly number[],
  length: number,
): Uint32Array {
  const places = new Uint32Array(length);
  let next = 0;
  for (const [owner, { address }] of endpoints.entries()) {
    const digest = createHash('sha256').update(address).digest();
    const start = digest.readUInt32BE(0);
    // Odd, so that all multiples differ.
    const step = digest.readUInt32BE(4) | 1;
    for (let i = 0; i < counts[owner]!; i++) places[next++] = mix(start + Math.imul(i, step));
  }
  return places;
}
