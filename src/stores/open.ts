/** The store that the configuration names. */
import type { Clock } from '../core/clock.js';
import type { OwnedStore } from '../core/store.js';
import { createMemoryStore } from './memory.js';
import { createRedisStore } from './redis.js';

export type StoreOptions =
  | { readonly kind: 'memory'; readonly maxBytes: number }
  | { readonly kind: 'redis'; readonly url: string };

export interface StoreContext {
  readonly clock: Clock;
  /** Once per change: why the store cannot be used, or undefined when it can. */
  readonly onChange: (why: string | undefined) => void;
}

export function createStore(options: StoreOptions, context: StoreContext): OwnedStore {
  return options.kind === 'memory'
    ? createMemoryStore({ maxBytes: options.maxBytes, clock: context.clock })
    : createRedisStore({ url: options.url, ...context });
}
