/** The key `mode`, with which a policy is put in shadow. */
import { Type } from './options.js';

export type Mode = 'enforce' | 'shadow';

/** The key `mode` of a policy. */
export const ModeOption = () =>
  Type.Unsafe<Mode>({
    enum: ['enforce', 'shadow'],
    default: 'enforce',
    description:
      '`shadow`: calls are judged, but none is refused or cut short. `breakwater_shadow_total` counts what `enforce` would do.',
  });
