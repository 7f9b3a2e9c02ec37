/** What can be set of the timeouts. */
import {
  DurationOrOff,
  Options,
  ShareOrOff,
  Switchable,
  type Off,
  type Static,
} from '../../core/options.js';
import { adaptiveSchema } from './adaptive-timeout.js';

export const schema = Switchable(
  Options(
    {
      connect: DurationOrOff({
        default: '2s',
        description:
          'Longest wait for a connection, TCP and TLS together. `off` leaves it to the operating system: about two minutes.',
      }),
      write: DurationOrOff({
        default: '15s',
        description: 'Longest time for which the upstream may accept no bytes of the request body.',
      }),
      attempt: DurationOrOff({
        default: '10s',
        description:
          'Longest time from the start of an attempt to its response headers. It does not run while the client uploads, and starts again when the upload is complete.',
      }),
      attemptGrowth: ShareOrOff({
        default: 'off',
        description:
          'How much more time each further attempt has. Attempt number n has `attempt` x (1 + `attemptGrowth` x (n-1)).',
      }),
      adaptive: adaptiveSchema,
      idle: DurationOrOff({
        default: '30s',
        description: 'Longest gap between bytes of a response body.',
      }),
      total: DurationOrOff({
        default: '35s',
        description: 'Longest time for the whole call: queue, back-off and body included.',
      }),
      stream: DurationOrOff({
        default: '5m',
        description:
          'Longest silence of an event stream, or of both directions of an upgraded connection.',
      }),
    },
    { description: 'Timeouts of the call and of each attempt.' },
  ),
);

export interface TimeoutSettings {
  readonly timeout: Static<typeof schema>;
}

export type TimeoutOptions = Exclude<TimeoutSettings['timeout'], Off>;
