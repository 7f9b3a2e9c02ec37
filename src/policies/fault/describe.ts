/** What faults there are, for operators: in the notation of the file, and in a sentence. */
import { formatDuration } from '../../lib/duration.js';
import type { FaultOptions } from './options.js';

/** As it was written, without what a division has left. */
const formatShare = (share: number) => `${Number((share * 100).toPrecision(12))}%`;

/** What is switched on, as a file would have it. */
export function inNotation({ delay, abort, reset, header, first }: FaultOptions) {
  return {
    ...(delay === 'off'
      ? {}
      : { delay: { share: formatShare(delay.share), time: formatDuration(delay.time) } }),
    ...(abort === 'off'
      ? {}
      : { abort: { share: formatShare(abort.share), status: abort.status } }),
    ...(reset === 'off' ? {} : { reset: { share: formatShare(reset.share) } }),
    ...(header === 'off' ? {} : { header }),
    ...(first === undefined ? {} : { first }),
  };
}

/** Nothing is switched on. */
export const isIdle = ({ delay, abort, reset, header }: FaultOptions): boolean =>
  [delay, abort, reset, header].every((each) => each === 'off');

/** `delays 10% of the attempts by 2s, aborts 1% of the attempts with 503`; empty where it is idle. */
export function inWords({ delay, abort, reset, header, first }: FaultOptions): string {
  const parts = [
    delay !== 'off' &&
      `delays ${formatShare(delay.share)} of the attempts by ${formatDuration(delay.time)}`,
    abort !== 'off' && `aborts ${formatShare(abort.share)} of the attempts with ${abort.status}`,
    reset !== 'off' && `resets ${formatShare(reset.share)} of the attempts`,
    header !== 'off' && `does what requests ask for by ${header}`,
  ].filter((part) => part !== false);
  const times =
    first === undefined ? '' : `; ${first} ${first === 1 ? 'attempt' : 'attempts'} in all`;
  return parts.join(', ') + times;
}
