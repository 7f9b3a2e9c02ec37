import * as fc from 'fast-check';
import t from 'tap';
import { BlockArena } from '../../src/stores/block-arena.js';
import { BoundedMap } from '../../src/stores/bounded-map.js';
import { FakeClock } from '../support/fake-clock.js';

const KEYS = 6;

type Step =
  | { readonly do: 'put'; readonly key: number; readonly length: number; readonly pin: boolean }
  | { readonly do: 'get' | 'delete'; readonly key: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'resize'; readonly maxBytes: number };

const key = fc.nat(KEYS - 1);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({
      do: fc.constant('put' as const),
      key,
      length: fc.nat(2500),
      pin: fc.boolean(),
    }),
    fc.record({ do: fc.constantFrom('get' as const, 'delete' as const), key }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 60 }) }),
    fc.record({
      do: fc.constant('resize' as const),
      maxBytes: fc.integer({ min: 1000, max: 8000 }),
    }),
  ),
  { maxLength: 40, size: 'max' },
);

interface Held {
  readonly text: string;
  readonly endMs: number;
  readonly isPinned: boolean;
  readonly cost: number;
}

/** As the map counts, for keys of one character. */
const costOf = (length: number) => BlockArena.sizeOf(length) + 256 + 2;

t.test('does what a list in the order of use does', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (plan) => {
      const clock = new FakeClock();
      let maxBytes = 5000;
      const map = new BoundedMap(maxBytes, clock);
      /** The least recently used first. */
      const model = new Map<string, Held>();
      const expire = (): void => {
        for (const [each, { endMs }] of model) if (endMs <= clock.now()) model.delete(each);
      };
      const sum = (entries: Iterable<Held>) =>
        [...entries].reduce((all, { cost }) => all + cost, 0);
      const evict = (spared?: string): void => {
        for (const [each, { isPinned }] of model) {
          if (sum(model.values()) <= maxBytes) break;
          if (!isPinned && each !== spared) model.delete(each);
        }
      };
      let letter = 0;
      for (const step of plan) {
        if (step.do === 'wait') {
          await clock.advance(step.ms);
          expire();
          // What is over still takes room until it is met; so that the model need not know, it is met now.
          for (let i = 0; i < KEYS; i++) if (!model.has(`${i}`)) map.get(`${i}`);
          continue;
        }
        if (step.do === 'resize') {
          maxBytes = step.maxBytes;
          map.resize(maxBytes);
          evict();
          continue;
        }
        const name = `${step.key}`;
        if (step.do === 'delete') {
          if (map.delete(name) !== model.delete(name)) throw new Error('delete');
        } else if (step.do === 'put') {
          const text = String.fromCharCode(97 + (letter++ % 26)).repeat(step.length);
          const cost = costOf(step.length);
          const pinned = [...model].filter(([each, held]) => held.isPinned && each !== name);
          const own = model.get(name);
          const hasPlace = own?.isPinned === true && cost <= own.cost;
          const fits = hasPlace || sum(pinned.map(([, held]) => held)) + cost <= maxBytes;
          if (map.put(name, [Buffer.from(text)], 100, step.pin) !== fits) throw new Error('room');
          if (!fits) continue;
          model.delete(name);
          model.set(name, { text, endMs: clock.now() + 100, isPinned: step.pin, cost });
          evict(name);
        } else {
          const held = model.get(name);
          if (map.get(name)?.toString() !== held?.text) throw new Error(`get ${name}`);
          if (held !== undefined && model.delete(name)) model.set(name, held);
        }
      }
      const found = Array.from({ length: KEYS }, (_, i) => map.get(`${i}`)?.toString());
      const expected = Array.from({ length: KEYS }, (_, i) => model.get(`${i}`)?.text);
      if (String(found) !== String(expected)) throw new Error('they differ in the end');
    }),
    { numRuns: 500 },
  );
});

t.test('an arena gives back what was written, and uses again what was freed', (t) => {
  const arena = new BlockArena(64 * 1024);
  const held = new Map<number, Buffer>();
  let highest = 0;
  for (let round = 0; round < 2000; round++) {
    const value = Buffer.alloc(1 + ((round * 997) % 5000), round % 251);
    // In parts that end anywhere.
    const middle = (round * 331) % value.length;
    held.set(arena.write([value.subarray(0, middle), value.subarray(middle)]), value);
    if (held.size > 10) {
      const [first] = held.keys();
      arena.free(first!);
      held.delete(first!);
    }
    // 11 values of up to 10 blocks each: numbers stay below that, plus one segment.
    highest = Math.max(highest, ...held.keys());
  }
  t.ok(highest < 11 * 10 + 8, `block ${highest}`);
  for (const [first, value] of held) t.ok(arena.read(first, value.length).equals(value));
  t.end();
});
