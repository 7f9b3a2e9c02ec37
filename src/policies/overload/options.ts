/** What can be set of overload. */
import {
  DurationOrOff,
  Options,
  Share,
  ShareOrOff,
  Switchable,
  type Off,
  type Static,
} from '../../core/options.js';

export const schema = Switchable(
  Options(
    {
      eventLoopDelay: DurationOrOff({
        default: '100ms',
        description: 'Lateness of the event loop beyond which calls are shed.',
      }),
      memory: ShareOrOff({
        default: '85%',
        description:
          "Share of the container's memory limit, or else of the machine's memory, beyond which calls are shed.",
      }),
      shed: Share({
        default: '30%',
        description: 'Share of new calls that are refused while a limit is passed.',
      }),
    },
    { description: 'Refuses a share of new calls while this process is overloaded.' },
  ),
  { default: 'off' },
);

export type OverloadSettings = Static<typeof schema>;
export type OverloadOptions = Exclude<OverloadSettings, Off>;
