/** Keys of an upstream that say how it is reached. Like policies they may stand in `defaults` and profiles, but not in routes. */
import { DurationOrOff, Options, type Static } from '../../core/options.js';

const resolve = Options(
  {
    maxAge: DurationOrOff({
      default: '5m',
      description:
        'How long a connection is used for further requests. Busy connections move to the current addresses of the name this way.',
    }),
  },
  { description: 'How the name in the target is followed.' },
);

export const connectionKeys = { resolve };

export interface ConnectionOptions {
  readonly resolve: Readonly<Static<typeof resolve>>;
}
