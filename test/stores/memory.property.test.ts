import * as fc from 'fast-check';
import t from 'tap';
import { MemoryStore } from '../../src/stores/memory.js';
import { FakeClock } from '../support/fake-clock.js';

const KEYS = ['a', 'b', 'c', 'd', 'e', 'f'];
const SIZES = [2000, 4000, 8000];
const TTLS = [50, 200, 5000];

/** What a value costs at least. A little more is the store's business. */
const leastCost = (value: Buffer) => value.length + 256;

type Step =
  | { readonly do: 'set' | 'get' | 'claim'; readonly key: string; readonly ttlMs: number }
  | { readonly do: 'renew' | 'keep' | 'free'; readonly key: string; readonly ttlMs: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'resize'; readonly cache: number; readonly records: number };

const steps: fc.Arbitrary<(Step & { readonly length: number })[]> = fc.array(
  fc
    .tuple(
      fc.oneof(
        {
          weight: 12,
          arbitrary: fc.record({
            do: fc.constantFrom('set', 'get', 'claim', 'claim', 'renew', 'keep', 'free'),
            key: fc.constantFrom(...KEYS),
            ttlMs: fc.constantFrom(...TTLS),
          }),
        },
        { weight: 2, arbitrary: fc.record({ do: fc.constant('wait'), ms: fc.nat(120) }) },
        {
          weight: 2,
          arbitrary: fc.record({
            do: fc.constant('resize'),
            cache: fc.constantFrom(...SIZES),
            records: fc.constantFrom(...SIZES),
          }),
        },
      ) as fc.Arbitrary<Step>,
      fc.constantFrom(0, 10, 600, 1500, 3000, 9000),
    )
    .map(([step, length]) => ({ ...step, length })),
  { maxLength: 60 },
);

interface Held {
  readonly value: Buffer;
  readonly untilMs: number;
}

/** A map without an end: the store may forget entries of it, but only those that it may forget. */
class Model {
  readonly #entries = new Map<string, Held>();
  readonly #clock: FakeClock;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  get(key: string): Buffer | undefined {
    const held = this.#entries.get(key);
    return held !== undefined && this.#clock.now() < held.untilMs ? held.value : undefined;
  }

  put(key: string, value: Buffer, ttlMs: number): void {
    this.#entries.set(key, { value, untilMs: this.#clock.now() + ttlMs });
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  /** What is left of it, in bytes at least, if the store still has what `has` says. */
  bytes(has: (key: string) => boolean): number {
    const values = KEYS.flatMap((key) => (has(key) ? (this.get(key) ?? []) : []));
    return values.reduce((sum, value) => sum + leastCost(value), 0);
  }
}

const same = (a: Buffer | undefined, b: Buffer | undefined, what: string): void => {
  if (a === undefined ? b !== undefined : b === undefined || !a.equals(b)) {
    throw new Error(`${what}: ${a?.length} and ${b?.length} bytes`);
  }
};

const hasRoom = (operation: Promise<unknown>) =>
  operation.then(
    () => true,
    (error: Error) => {
      if (!error.message.includes('stores.maxRecordBytes')) throw error;
      return false;
    },
  );

async function run(list: readonly (Step & { readonly length: number })[]): Promise<void> {
  const clock = new FakeClock();
  let sizes = { maxBytes: 4000, maxRecordBytes: 4000 };
  const store = new MemoryStore({ ...sizes, clock });
  const { cache, records } = store;
  const [cached, locks, kept] = [new Model(clock), new Model(clock), new Model(clock)];
  let count = 0;
  /** Another value each time, of about that length. */
  const valueOf = (length: number) => Buffer.from(`${++count}`.padEnd(length, '.'));
  for (const step of list) {
    if (step.do === 'wait') await clock.advance(step.ms);
    else if (step.do === 'resize') {
      const before = await Promise.all(KEYS.map((key) => cache.get(key)));
      const isLarger = step.cache >= sizes.maxBytes;
      sizes = { maxBytes: step.cache, maxRecordBytes: step.records };
      store.resize(sizes);
      if (isLarger) {
        for (const [i, key] of KEYS.entries())
          same(await cache.get(key), before[i], 'a larger one');
      }
    } else {
      const { key, ttlMs } = step;
      const lock = locks.get(key);
      if (step.do === 'get') {
        const found = await cache.get(key);
        if (found !== undefined) same(found, cached.get(key), 'the cache has the last value');
      } else if (step.do === 'set') {
        const value = valueOf(step.length);
        await cache.set(key, [value], ttlMs);
        cached.put(key, value, ttlMs);
        // Half of it has room for it in any case.
        if (step.length < sizes.maxBytes / 2) same(await cache.get(key), value, 'it is there');
      } else if (step.do === 'claim') {
        const own = valueOf(8);
        const found: { holder?: Buffer | undefined } = {};
        const isDone = await hasRoom(
          records.claim(key, own, ttlMs).then((holder) => void (found.holder = holder)),
        );
        if (lock !== undefined) same(found.holder, lock, 'a lock is never forgotten');
        else if (found.holder !== undefined) same(found.holder, kept.get(key), 'a record');
        else if (isDone) {
          locks.put(key, own, ttlMs);
          kept.delete(key);
        }
      } else if (step.do === 'keep') {
        const by = lock ?? valueOf(8);
        const record = valueOf(step.length);
        let isKept = false;
        const isDone = await hasRoom(
          records.keep(key, by, [record], ttlMs).then((result) => (isKept = result)),
        );
        if (isDone && lock !== undefined && !isKept) throw new Error('the lock was its own');
        if (isKept) {
          locks.delete(key);
          kept.put(key, record, ttlMs);
        }
      } else if (step.do === 'renew') {
        const isHeld = await records.renew(key, lock ?? valueOf(8), ttlMs);
        if (isHeld !== (lock !== undefined)) throw new Error('renew tells whether it is held');
        if (lock !== undefined) locks.put(key, lock, ttlMs);
      } else {
        const isFreed = await records.free(key, lock ?? valueOf(8));
        if (isFreed !== (lock !== undefined)) throw new Error('free tells whether it was held');
        locks.delete(key);
      }
    }
    const found = await Promise.all(KEYS.map((key) => cache.get(key)));
    const inCache = cached.bytes((key) => found[KEYS.indexOf(key)] !== undefined);
    if (inCache > sizes.maxBytes) throw new Error(`${inCache} bytes are in the cache`);
  }
  for (const key of KEYS) {
    const lock = locks.get(key);
    if (lock !== undefined) same(await records.claim(key, valueOf(8), 1), lock, 'at the end');
  }
}

t.test('forgets only what it may forget, and has room for no more than it says', async () => {
  await fc.assert(fc.asyncProperty(steps, run), { numRuns: 1000 });
});
