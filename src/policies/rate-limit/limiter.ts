/** The limits of one upstream or route, and the calls that this process has counted against them. */
import { combinedValue, type Fields } from '../../http/fields.js';
import { BucketTable } from '../../lib/bucket-table.js';
import {
  CALL,
  levelAt,
  perHourOf,
  remaining,
  waitUs,
  type Bucket,
  type Limit,
} from '../../lib/leaky-bucket.js';
import type { PolicyContext } from '../../core/policy.js';
import { burstOf, type RateLimitOptions } from './options.js';

/** Keys of one upstream or route. They take about 10 MiB. */
export const MAX_KEYS = 50_000;

/** Longer values are remembered by their digest. */
const MAX_KEY_LENGTH = 64;

/** One of the limits that a call must keep. */
export interface Tally {
  readonly limit: Limit;
  /** Stands for the value of the header; undefined for the limit for all. */
  readonly key: string | undefined;
}

/** How it stands with a limit. */
export interface Standing extends Tally {
  /** Calls that may pass now. */
  readonly remaining: number;
  /** Until one more may pass, in ms. */
  readonly growsInMs: number;
}

const limitOf = (options: { rate: number; burst: number | undefined }): Limit => ({
  perHour: perHourOf(options.rate),
  burst: burstOf(options),
});

export class Limiter {
  readonly #context: Pick<PolicyContext, 'clock' | 'hash'>;
  readonly #all: Bucket = { level: 0, atUs: 0 };
  readonly #keys = new BucketTable(MAX_KEYS);
  #forAll: Tally;
  #perKey: Limit | undefined;
  /** In lower case. */
  #header: string | undefined;

  constructor(options: RateLimitOptions, context: Pick<PolicyContext, 'clock' | 'hash'>) {
    this.#context = context;
    this.#forAll = { limit: limitOf(options), key: undefined };
    this.configure(options);
  }

  /** What is counted stays, under the new rates and bursts; keys of another header begin anew. */
  configure(options: RateLimitOptions): void {
    const { perKey } = options;
    const header = perKey === 'off' ? undefined : perKey.header.toLowerCase();
    if (header !== this.#header) this.#keys.clear();
    // The time until now was one of the old rates.
    this.#settle(this.#all, this.#forAll.limit);
    for (const bucket of this.#keys.buckets()) this.#settle(bucket, this.#perKey!);
    this.#header = header;
    this.#forAll = { limit: limitOf(options), key: undefined };
    this.#perKey = perKey === 'off' ? undefined : limitOf(perKey);
  }

  /** Keys that are remembered. */
  get keys(): number {
    return this.#keys.size;
  }

  /** The limit for all. */
  get forAll(): Standing {
    return this.standingOf(this.#forAll);
  }

  /** The limits that hold for requests with these fields; that for all comes first. */
  talliesOf(headers: Fields): readonly Tally[] {
    if (this.#perKey === undefined) return [this.#forAll];
    const value = combinedValue(headers, this.#header!);
    if (value === undefined) return [this.#forAll];
    const key = value.length <= MAX_KEY_LENGTH ? value : this.#context.hash(value);
    return [this.#forAll, { limit: this.#perKey, key }];
  }

  /** Marks the key as one in use. @returns until a call may pass all limits, in ms; 0 when it may pass now. */
  arrive(tallies: readonly Tally[]): number {
    for (const { key } of tallies) if (key !== undefined) this.#keys.find(key);
    return Math.max(...tallies.map((tally) => waitUs(this.levelOf(tally), tally.limit) / 1000));
  }

  /** Counts a call. */
  count(tallies: readonly Tally[]): void {
    for (const tally of tallies) this.#put(tally, this.levelOf(tally) + CALL);
  }

  /** Takes note of what others have counted. @param levels in the order of the tallies, at `atMs` or later. */
  learn(tallies: readonly Tally[], levels: readonly number[], atMs: number): void {
    const nowUs = this.#nowUs();
    const atUs = Math.floor(atMs * 1000);
    for (const [i, tally] of tallies.entries()) {
      const told = levelAt({ level: levels[i]!, atUs }, tally.limit, nowUs);
      this.#put(tally, Math.max(this.levelOf(tally), told));
    }
  }

  /** @returns what is left of the calls that were counted, `aheadMs` from now, in units of `CALL`. */
  levelOf({ key, limit }: Tally, aheadMs = 0): number {
    const bucket = key === undefined ? this.#all : this.#keys.peek(key);
    return bucket === undefined ? 0 : levelAt(bucket, limit, this.#nowUs() + aheadMs * 1000);
  }

  standingOf(tally: Tally): Standing {
    const { limit } = tally;
    const level = this.levelOf(tally);
    const left = remaining(level, limit);
    const growsUs = (level - (limit.burst - left - 1) * CALL) / limit.perHour;
    return { ...tally, remaining: left, growsInMs: growsUs / 1000 };
  }

  #put({ key }: Tally, level: number): void {
    const bucket = key === undefined ? this.#all : this.#keys.peek(key);
    const atUs = this.#nowUs();
    if (bucket !== undefined) Object.assign(bucket, { level, atUs });
    else if (level > 0) this.#keys.add(key!, { level, atUs });
  }

  #settle(bucket: Bucket, limit: Limit): void {
    const nowUs = this.#nowUs();
    bucket.level = levelAt(bucket, limit, nowUs);
    bucket.atUs = nowUs;
  }

  #nowUs(): number {
    return Math.floor(this.#context.clock.now() * 1000);
  }
}
