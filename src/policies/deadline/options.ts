/** Options of the deadline policy. */
import { Duration, Options, Switchable, Type, type Static } from '../../core/options.js';
import type { TimeoutSettings } from '../timeout/options.js';

export const schema = Switchable(
  Options(
    {
      header: Type.String({
        default: 'X-Deadline',
        pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
        description:
          'Name of the header that carries the deadline, from the client and to the upstream.',
      }),
      buffer: Duration({
        default: '50ms',
        description:
          'How much earlier than the deadline the upstream is told to finish. A call that has no more time left than this is not sent.',
      }),
      propagate: Type.Boolean({
        default: true,
        description: 'Whether the upstream is sent the deadline.',
      }),
    },
    {
      description: 'Deadline propagation: one instant by which the whole chain of calls must end.',
    },
  ),
);

export interface DeadlineSettings extends TimeoutSettings {
  readonly deadline: Static<typeof schema>;
}
