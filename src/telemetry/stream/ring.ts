/**
 * What became of the calls of one upstream in the last 15 minutes: counts per slot of 15 s. There may be thousands of upstreams,
 * so all of it is in one array of 1.5 KB, and counting is a few additions.
 */
import { circuitCodes, type CircuitCode, type Latency, type SlotCounts } from '../../core/live.js';
import {
  LATENCY_BUCKETS,
  latencyBound,
  latencyBucket,
  percentileBucket,
} from '../../lib/latency-buckets.js';

export const SLOT_MS = 15_000;
export const SLOTS = 60;

/** What a call came to for its caller. */
export type CallResult = 'good' | 'failed' | 'refused' | 'degraded' | 'left';

/** About the last 15 s: the current slot, and so much of the one before as is missing. Counts need not be whole. */
export interface RecentCounts {
  readonly seconds: number;
  readonly calls: number;
  readonly failed: number;
  readonly refused: number;
  readonly degraded: number;
  readonly left: number;
  readonly attempts: number;
  readonly latencyMs: Latency | null;
}

/** Words of a slot: calls, failed, refused, and the rest in bytes. */
const WORDS = 4;
const CURRENT = SLOTS * WORDS;
const BEFORE = CURRENT + LATENCY_BUCKETS;
const LENGTH = BEFORE + LATENCY_BUCKETS;

const boundOf = (code: number) => (code === 0 ? null : latencyBound(code - 1));

export class Ring {
  readonly #words = new Uint32Array(LENGTH);
  /** Number of the current slot, from any start. */
  #slot: number;
  /** Of the current slot and of the one before; the array has no room for them per slot. */
  #degraded = 0;
  #degradedBefore = 0;
  #left = 0;
  #leftBefore = 0;
  #attempts = 0;
  #attemptsBefore = 0;
  #circuit = 0;
  /** The weightiest state in the current slot. */
  #worst = 0;

  constructor(slot: number) {
    this.#slot = slot;
  }

  /** Calls of the client that gave up are no calls that went well or badly: they count beside the others. */
  countCall(slot: number, result: CallResult): void {
    if (slot !== this.#slot) this.#advance(slot);
    if (result === 'left') {
      this.#left += 1;
      return;
    }
    const at = (slot % SLOTS) * WORDS;
    this.#words[at]! += 1;
    if (result === 'good') return;
    if (result === 'failed') this.#words[at + 1]! += 1;
    else if (result === 'refused') this.#words[at + 2]! += 1;
    else this.#degraded += 1;
  }

  /** @param ms to the headers of the response; undefined for an attempt that never reached the upstream. */
  countAttempt(slot: number, ms: number | undefined): void {
    if (slot !== this.#slot) this.#advance(slot);
    this.#attempts += 1;
    if (ms !== undefined) this.#words[CURRENT + latencyBucket(ms)]! += 1;
  }

  noteCircuit(slot: number, state: CircuitCode): void {
    if (slot !== this.#slot) this.#advance(slot);
    this.#circuit = circuitCodes.indexOf(state);
    this.#worst = Math.max(this.#worst, this.#circuit);
  }

  /** @param share of the current slot that is over, from 0 to 1. */
  recent(slot: number, share: number): RecentCounts {
    if (slot !== this.#slot) this.#advance(slot);
    const words = this.#words;
    const [now, last] = [(slot % SLOTS) * WORDS, ((slot + SLOTS - 1) % SLOTS) * WORDS];
    const rest = 1 - share;
    const sum = (word: number) => words[now + word]! + rest * words[last + word]!;
    const countOf = (bucket: number) => words[CURRENT + bucket]! + rest * words[BEFORE + bucket]!;
    const percentile = (rank: number) => latencyBound(percentileBucket(rank, countOf));
    const hasLatency = percentileBucket(50, countOf) !== -1;
    return {
      seconds: SLOT_MS / 1000,
      calls: sum(0),
      failed: sum(1),
      refused: sum(2),
      degraded: this.#degraded + rest * this.#degradedBefore,
      left: this.#left + rest * this.#leftBefore,
      attempts: this.#attempts + rest * this.#attemptsBefore,
      latencyMs: hasLatency
        ? { p50: percentile(50), p95: percentile(95), p99: percentile(99) }
        : null,
    };
  }

  current(slot: number): SlotCounts {
    if (slot !== this.#slot) this.#advance(slot);
    return this.#read(slot % SLOTS, this.#packed());
  }

  /** The slot before the current one. */
  before(slot: number): SlotCounts {
    if (slot !== this.#slot) this.#advance(slot);
    const index = (slot + SLOTS - 1) % SLOTS;
    return this.#read(index, this.#words[index * WORDS + 3]!);
  }

  /** All slots, the current one last. */
  history(slot: number): SlotCounts[] {
    if (slot !== this.#slot) this.#advance(slot);
    const past = Array.from({ length: SLOTS - 1 }, (_, i) => {
      const index = (slot + 1 + i) % SLOTS;
      return this.#read(index, this.#words[index * WORDS + 3]!);
    });
    return [...past, this.current(slot)];
  }

  #read(index: number, packed: number): SlotCounts {
    const at = index * WORDS;
    return {
      calls: this.#words[at]!,
      failed: this.#words[at + 1]!,
      refused: this.#words[at + 2]!,
      degradedShare: (packed & 255) / 255,
      p50: boundOf((packed >>> 8) & 255),
      p99: boundOf((packed >>> 16) & 255),
      circuit: circuitCodes[packed >>> 24]!,
    };
  }

  /** What the current slot has beside its counts, one byte each. */
  #packed(): number {
    const calls = this.#words[(this.#slot % SLOTS) * WORDS]!;
    const countOf = (bucket: number) => this.#words[CURRENT + bucket]!;
    const p50 = percentileBucket(50, countOf) + 1;
    const p99 = percentileBucket(99, countOf) + 1;
    const degraded = calls === 0 ? 0 : Math.min(255, Math.ceil((this.#degraded / calls) * 255));
    return ((this.#worst << 24) | (p99 << 16) | (p50 << 8) | degraded) >>> 0;
  }

  /** Goes on to another slot; those between had no calls. */
  #advance(slot: number): void {
    const words = this.#words;
    words[(this.#slot % SLOTS) * WORDS + 3] = this.#packed();
    const isNext = slot === this.#slot + 1;
    if (isNext) words.copyWithin(BEFORE, CURRENT, BEFORE);
    else words.fill(0, BEFORE);
    words.fill(0, CURRENT, BEFORE);
    this.#degradedBefore = isNext ? this.#degraded : 0;
    this.#leftBefore = isNext ? this.#left : 0;
    this.#attemptsBefore = isNext ? this.#attempts : 0;
    this.#degraded = 0;
    this.#left = 0;
    this.#attempts = 0;
    // A circuit stays as it is without calls, too.
    this.#worst = this.#circuit;
    for (let each = Math.max(this.#slot + 1, slot - SLOTS + 1); each <= slot; each++) {
      const at = (each % SLOTS) * WORDS;
      words.fill(0, at, at + 3);
      words[at + 3] = (this.#circuit << 24) >>> 0;
    }
    this.#slot = slot;
  }
}
