/** The strategy `hash`: the same endpoint for the same key, by a consistent hash with bounded load. */
import { crc32 } from 'node:zlib';
import type { Call } from '../../core/call.js';
import type { Random } from '../../core/clock.js';
import type { Balanced, Balancer } from './balancer.js';
import { hashKeyReader, type ReadKey } from './hash-key.js';
import { HashRing, mix } from './hash-ring.js';
import { LeastRequestBalancer } from './least-request.js';
import { LoadBound } from './load-bound.js';
import type { HashKey } from './options.js';
import { isTried } from './weighted-draw.js';

/** Places on the ring that are asked before the endpoints are searched one by one. It is rare that none of so many does. */
const MAX_PLACES = 64;
/** Leads from one place of a key to its next one. */
const STEP = 0x9e3779b9;
const RANGE = 2 ** 32;
const NONE: readonly string[] = [];

export class HashBalancer<E extends Balanced> implements Balancer<E> {
  readonly #readKey: ReadKey;
  readonly #keyless: LeastRequestBalancer<E>;
  readonly #bound = new LoadBound<E>();
  #endpoints: readonly E[] = [];
  #ring: HashRing<E> | undefined;

  constructor(key: HashKey | undefined, random: Random) {
    this.#readKey = hashKeyReader(key);
    this.#keyless = new LeastRequestBalancer(random);
  }

  update(endpoints: readonly E[]): void {
    this.#endpoints = endpoints;
    this.#keyless.update(endpoints);
    this.#bound.update(endpoints);
    this.#ring = endpoints.length > 1 ? new HashRing(endpoints) : undefined;
  }

  pick(call: Call, nowMs: number): E | undefined {
    if (this.#ring === undefined) return this.#endpoints[0];
    const key = this.#readKey(call);
    if (key === undefined || key === '') return this.#keyless.pick(call, nowMs);
    // Checksums of similar keys are similar.
    const hash = mix(crc32(key));
    this.#bound.begin(nowMs);
    const endpoint =
      this.#choose(this.#ring, hash, call.triedEndpoints, nowMs) ??
      this.#choose(this.#ring, hash, NONE, nowMs);
    this.#bound.add();
    return endpoint;
  }

  /** @returns undefined only where all endpoints have been tried. */
  #choose(ring: HashRing<E>, hash: number, tried: readonly string[], nowMs: number): E | undefined {
    return this.#walk(ring, hash, tried, nowMs) ?? this.#search(hash, tried, nowMs);
  }

  /**
   * Goes through the places of the key. They are all over the ring, so that the keys of an endpoint without room do not all
   * move on to its neighbour.
   */
  #walk(ring: HashRing<E>, hash: number, tried: readonly string[], nowMs: number): E | undefined {
    // By the key and not by chance: a key comes over once while the share of an endpoint grows.
    const turn = mix(hash ^ STEP) / RANGE;
    let starting: E | undefined;
    let place = hash;
    for (let i = 0; i < MAX_PLACES; i++) {
      const endpoint = ring.at(place);
      if (!isTried(tried, endpoint) && this.#bound.admits(endpoint, nowMs)) {
        if (turn < endpoint.shareAt(nowMs)) return endpoint;
        starting ??= endpoint;
      }
      place = mix(place + STEP);
    }
    return starting;
  }

  /** An endpoint with room; where none of those that have not been tried has room, the first of these. */
  #search(hash: number, tried: readonly string[], nowMs: number): E | undefined {
    const { length } = this.#endpoints;
    let untried: E | undefined;
    for (let i = 0; i < length; i++) {
      const endpoint = this.#endpoints[(hash + i) % length]!;
      if (isTried(tried, endpoint)) continue;
      if (this.#bound.admits(endpoint, nowMs)) return endpoint;
      untried ??= endpoint;
    }
    return untried;
  }
}
