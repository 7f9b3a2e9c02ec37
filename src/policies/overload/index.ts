/**
 * Overload: refuses a share of new calls while this process itself, not an upstream, has more to do than it can. It holds for
 * the whole process and comes before the policies of upstreams, so it is not in their list.
 */
import { overloadLine } from './log.js';
import { schema, type OverloadSettings } from './options.js';
import { Overload, type OverloadContext } from './overload.js';
import { reasons } from './reasons.js';

export type { OverloadChange } from './log.js';
export type { OverloadOptions, OverloadSettings } from './options.js';
export type { MemoryReading, MemoryUse, Overload, OverloadContext } from './overload.js';

export const overload = {
  name: 'overload',
  schema,
  reasons,
  line: overloadLine,
  /** @param previous the one before a reload: its readings are kept. @returns undefined when it is off. */
  create(
    settings: OverloadSettings,
    context: OverloadContext,
    previous?: Overload,
  ): Overload | undefined {
    if (settings === 'off') {
      previous?.stop();
      return undefined;
    }
    if (previous === undefined) return new Overload(settings, context);
    previous.configure(settings);
    return previous;
  },
} as const;
