/** The store that the configuration names. */
import type { Clock } from '../core/clock.js';
import { MemoryStore } from './memory.js';
import type { AdjustableStore, StoreOptions } from './options.js';

export interface StoreContext {
  readonly clock: Clock;
  /** Once per change: why the store cannot be used, or undefined when it can. */
  readonly onChange: (why: string | undefined) => void;
}

export async function createStore(
  options: StoreOptions,
  context: StoreContext,
): Promise<AdjustableStore> {
  if (options.kind === 'memory') return new MemoryStore({ ...options, clock: context.clock });
  // The client is the largest dependency there is: a process without Redis starts sooner and smaller without it.
  const { createRedisStore } = await import('./redis.js');
  return createRedisStore(options, context);
}
