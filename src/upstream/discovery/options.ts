/** What can be set of how the names of targets are followed. */
import { Duration, DurationOrOff, Options, Type, type Static } from '../../core/options.js';

export const resolve = Options(
  {
    addresses: Type.Unsafe<'all' | 'first'>({
      enum: ['all', 'first'],
      default: 'all',
      description:
        '`all`: each address of the name is an endpoint. `first`: the name is one endpoint, and each connection goes to an address as the system gives it.',
    }),
    refresh: Duration({
      zero: false,
      default: '5s',
      description:
        'How often the name is looked up again while there are calls. It is also looked up after an endpoint could not be connected to.',
    }),
    maxAge: DurationOrOff({
      default: '5m',
      description:
        'How long a connection is used for further requests. Busy connections move to the current addresses of the name this way.',
    }),
  },
  { description: 'How the names in the targets are followed.' },
);

export type ResolveOptions = Readonly<Static<typeof resolve>>;
