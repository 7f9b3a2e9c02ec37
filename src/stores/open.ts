/** The store that the configuration names. */
import type { Clock } from '../core/clock.js';
import type { OwnedStore } from '../core/store.js';
import { MemoryStore, type MemorySizes } from './memory.js';

export type StoreOptions =
  | ({ readonly kind: 'memory' } & MemorySizes)
  | {
      readonly kind: 'redis';
      readonly url: string;
      /** Longest wait for a response, in ms. */
      readonly timeout: number;
    };

export interface StoreContext {
  readonly clock: Clock;
  /** Once per change: why the store cannot be used, or undefined when it can. */
  readonly onChange: (why: string | undefined) => void;
}

export async function createStore(
  options: StoreOptions,
  context: StoreContext,
): Promise<OwnedStore> {
  if (options.kind === 'memory') return new MemoryStore({ ...options, clock: context.clock });
  // The client is the largest dependency there is: a process without Redis starts sooner and smaller without it.
  const { createRedisStore } = await import('./redis.js');
  return createRedisStore({ url: options.url, timeoutMs: options.timeout, ...context });
}
