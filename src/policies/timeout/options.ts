/** Options of the timeout policy. */
import {
  Count,
  Duration,
  DurationOrOff,
  Options,
  ShareOrOff,
  Switchable,
  Type,
  type Off,
  type Static,
} from '../../core/options.js';
import { ModeOption } from '../../core/mode.js';

const adaptiveOptions = Options(
  {
    mode: ModeOption(),
    percentile: Type.Number({
      default: 99,
      minimum: 1,
      maximum: 100,
      description:
        'Which percentile of the response times counts. About this many of 100 attempts are not cut off.',
    }),
    multiplier: Type.Number({
      default: 1.5,
      minimum: 1,
      description: 'How many times the percentile an attempt may take.',
    }),
    min: Duration({ default: '1s', description: 'The learned timeout is never less than this.' }),
    max: Duration({
      zero: false,
      default: '30s',
      description: 'The learned timeout is never more than this.',
    }),
    window: Count({
      default: 100,
      minimum: 1,
      maximum: 100_000,
      description: 'How many of the last response times count.',
    }),
    minSamples: Count({
      default: 10,
      minimum: 1,
      description:
        'How many response times are needed before the learned timeout replaces `attempt`.',
    }),
  },
  {
    description:
      'Learns `attempt` from the response times. `adaptive: {}` switches it on with the defaults below.',
  },
);

/** Of `timeout.adaptive`. */
const adaptiveSchema = Switchable(adaptiveOptions, { default: 'off' });

/** With the names of the file; `min` and `max` in ms. */
export type AdaptiveTimeoutOptions = Static<typeof adaptiveOptions>;

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
