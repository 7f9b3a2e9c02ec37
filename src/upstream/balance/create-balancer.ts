/** The strategy that the options name. */
import type { Random } from '../../core/clock.js';
import type { Balanced, Balancer } from './balancer.js';
import { HashBalancer } from './hash.js';
import { LeastRequestBalancer } from './least-request.js';
import type { BalanceOptions } from './options.js';
import { RandomBalancer } from './random.js';
import { RoundRobinBalancer } from './round-robin.js';

export function createBalancer<E extends Balanced>(
  { strategy, key }: BalanceOptions,
  random: Random,
): Balancer<E> {
  switch (strategy) {
    case 'least-request':
      return new LeastRequestBalancer(random);
    case 'round-robin':
      return new RoundRobinBalancer(random);
    case 'random':
      return new RandomBalancer(random);
    case 'hash':
      return new HashBalancer(key, random);
  }
}
