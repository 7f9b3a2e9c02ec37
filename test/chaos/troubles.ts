/** What goes wrong on which way, at random from a seed: one trouble after another, sometimes two at a time. */
import type { Direction, Toxic, Toxiproxy } from './toxiproxy.js';

type Random = () => number;

const between = (random: Random, from: number, to: number) =>
  Math.round(from + random() * (to - from));

const makers: Readonly<Record<string, (random: Random) => Toxic | 'down'>> = {
  latency: (random) => ({ type: 'latency', latency: between(random, 20, 800), jitter: 100 }),
  bandwidth: (random) => ({ type: 'bandwidth', rate: between(random, 20, 400) }),
  slicer: (random) => ({
    type: 'slicer',
    average_size: between(random, 50, 1000),
    size_variation: 40,
    delay: between(random, 10, 2000),
  }),
  'slow close': (random) => ({ type: 'slow_close', delay: between(random, 100, 1500) }),
  reset: (random) => ({ type: 'reset_peer', timeout: between(random, 0, 600) }),
  timeout: (random) => ({ type: 'timeout', timeout: between(random, 50, 1500) }),
  'limited data': (random) => ({ type: 'limit_data', bytes: between(random, 100, 60_000) }),
  down: () => 'down',
};

export const troubleNames = Object.keys(makers);

const pause = (ms: number) =>
  new Promise<void>((resolve) => {
    setTimeout(resolve, ms);
  });

/** How often each trouble was on each way. */
export type TroubleCounts = Map<string, number>;

/** @param ways proxies, each of which has troubles of its own. Resolves when all is well again. */
export async function trouble(
  toxiproxy: Toxiproxy,
  ways: readonly string[],
  random: Random,
  untilMs: number,
): Promise<TroubleCounts> {
  const counts: TroubleCounts = new Map();
  while (Date.now() < untilMs) {
    const troubles = random() < 0.3 ? 2 : 1;
    for (let i = 0; i < troubles; i++) {
      const way = ways[Math.floor(random() * ways.length)]!;
      const name = troubleNames[Math.floor(random() * troubleNames.length)]!;
      const made = makers[name]!(random);
      const direction: Direction = random() < 0.5 ? 'upstream' : 'downstream';
      if (made === 'down') await toxiproxy.shut(way);
      // Two of a kind on one way would have the same name.
      else await toxiproxy.add(way, direction, made).catch(() => undefined);
      const label = `${way}: ${name}`;
      counts.set(label, (counts.get(label) ?? 0) + 1);
    }
    await pause(between(random, 300, 2000));
    await toxiproxy.heal();
    await pause(between(random, 100, 700));
  }
  return counts;
}
