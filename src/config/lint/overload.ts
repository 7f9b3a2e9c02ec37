/** Lint rules about the `overload` section, which holds for the whole process and not for one upstream. */
import { SAMPLE_MS } from '../../policies/overload/loop-delay.js';
import { valueOf } from '../syntax/source.js';
import type { Found, LintFile, LintRule, Place } from './scope.js';

/** Below this, one garbage collection is enough to exceed the limit. */
const QUIET_MS = 2 * SAMPLE_MS;

/** Where the key is written, or else the section. */
export function placeOf({ root }: LintFile, key: string): Place {
  const section = valueOf(root, 'overload')!;
  const written = valueOf(section, key);
  return written === undefined
    ? { position: section.position, path: ['overload'] }
    : { position: written.position, path: ['overload', key] };
}

function checkEffect(file: LintFile): Found {
  const { overload } = file.config;
  if (overload === 'off') return [];
  const { eventLoopDelay, memory, shed } = overload;
  if (shed === 0) {
    const message =
      'no call is ever refused, even if the process is overloaded; set overload.shed to 30%, or leave overload out';
    return [{ place: placeOf(file, 'shed'), message }];
  }
  if (eventLoopDelay === 'off' && memory === 'off') {
    const message =
      'both limits are off, so no call is ever refused; set overload.eventLoopDelay to 100ms or overload.memory to 85%, or leave overload out';
    return [{ place: placeOf(file, 'memory'), message }];
  }
  if (memory === 'off' || memory < 1) return [];
  const message =
    'the process is killed at 100% of the memory that it may have, so this limit is never exceeded; set overload.memory to 85%, or to off';
  return [{ place: placeOf(file, 'memory'), message }];
}

function checkDelay(file: LintFile): Found {
  const { overload } = file.config;
  if (overload === 'off' || overload.eventLoopDelay === 'off') return [];
  if (overload.eventLoopDelay >= QUIET_MS || overload.shed === 0) return [];
  const message = `the event loop is measured every ${SAMPLE_MS} ms, and one garbage collection can make it that late: calls are refused although the process is healthy; set overload.eventLoopDelay to 100ms`;
  return [{ place: placeOf(file, 'eventLoopDelay'), message }];
}

function checkShare(file: LintFile): Found {
  const { overload } = file.config;
  if (overload === 'off' || overload.shed < 1) return [];
  const message =
    'while a limit is exceeded, no call is served at all, and afterwards all calls come back at once: the service fails in waves, or for good if the memory is not freed; set overload.shed to 30%, or up to 70% if the load has high peaks';
  return [{ place: placeOf(file, 'shed'), message }];
}

export const overloadRules: readonly LintRule[] = [
  { name: 'overload-without-effect', level: 'warning', check: checkEffect },
  { name: 'touchy-overload', level: 'warning', check: checkDelay },
  { name: 'sheds-everything', level: 'warning', check: checkShare },
];
