/** Options of the overload policy. */
import {
  DurationOrOff,
  Options,
  Share,
  ShareOrOff,
  Switchable,
  type Off,
  type Static,
} from '../../core/options.js';
import { ModeOption } from '../../core/mode.js';

export const schema = Switchable(
  Options(
    {
      mode: ModeOption(),
      eventLoopDelay: DurationOrOff({
        default: '100ms',
        description: 'Delay of the event loop above which calls are refused.',
      }),
      memory: ShareOrOff({
        default: '85%',
        description:
          'Share of the memory limit of the container, or of the memory of the machine if there is no limit, above which calls are refused.',
      }),
      shed: Share({
        default: '30%',
        description: 'Share of new calls that are refused while a limit is exceeded.',
      }),
    },
    { description: 'Refuses a share of new calls while this process is overloaded.' },
  ),
  { default: 'off' },
);

export type OverloadSettings = Static<typeof schema>;
export type OverloadOptions = Exclude<OverloadSettings, Off>;
