/** What clients of every protocol use of the process. */
import type { Clock } from '../core/clock.js';
import type { Names } from './names/names.js';

export interface ClientContext {
  readonly clock: Clock;
  readonly names: Names;
  /** Asked before a connection is opened; false where descriptors are short. */
  readonly claimDescriptor: () => boolean;
}
