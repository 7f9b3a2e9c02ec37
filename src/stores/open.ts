/** The store that the configuration names. */
import { MemoryStore } from './memory.js';
import type { AdjustableStore, StoreContext, StoreOptions } from './options.js';

export async function createStore(
  options: StoreOptions,
  context: StoreContext,
): Promise<AdjustableStore> {
  if (options.kind === 'memory') return new MemoryStore({ ...options, clock: context.clock });
  // The client is the largest dependency there is: a process without Redis starts sooner and smaller without it.
  const { createRedisStore } = await import('./redis.js');
  return createRedisStore(options, context);
}
