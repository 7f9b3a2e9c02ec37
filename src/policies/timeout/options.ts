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
      connect: DurationOrOff({ default: '2s', description: 'Longest wait for TCP and TLS.' }),
      write: DurationOrOff({
        default: '15s',
        description: 'Longest time the upstream may refuse to take bytes of the request body.',
      }),
      attempt: DurationOrOff({
        default: '10s',
        description:
          'From the start of a try to its response headers; stands still while the client uploads.',
      }),
      attemptGrowth: ShareOrOff({
        default: 'off',
        description:
          'How much more of attempt each further try gets: the n-th has attempt x (1 + attemptGrowth x (n-1)).',
      }),
      adaptive: adaptiveSchema,
      idle: DurationOrOff({
        default: '30s',
        description: 'Longest gap between bytes of a response body.',
      }),
      total: DurationOrOff({
        default: '35s',
        description: 'The whole exchange: queueing, back-off and body included.',
      }),
      stream: DurationOrOff({
        default: '5m',
        description: 'Longest silence of an event stream or an upgraded connection.',
      }),
    },
    { description: 'Timeouts of the exchange and of each try.' },
  ),
);

export interface TimeoutSettings {
  readonly timeout: Static<typeof schema>;
}

export type TimeoutOptions = Exclude<TimeoutSettings['timeout'], Off>;
