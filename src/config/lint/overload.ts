/** Lint rules about the `overload` section, which is the process's and no upstream's. */
import { SAMPLE_MS } from '../../policies/overload/loop-delay.js';
import { valueOf } from '../syntax/source.js';
import type { Found, LintFile, LintRule, Place } from './scope.js';

/** Below this a reading is mostly noise: one sample late by a garbage collection is enough. */
const QUIET_MS = 2 * SAMPLE_MS;

/** Where the key is written, or else the section. */
function placeOf({ root }: LintFile, key: string): Place {
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
      'no call is ever refused, however overloaded the process is; set overload.shed to 30%, or leave overload out';
    return [{ place: placeOf(file, 'shed'), message }];
  }
  if (eventLoopDelay === 'off' && memory === 'off') {
    const message =
      'both limits are off, so none can be passed and no call is ever refused; set overload.eventLoopDelay to 100ms or overload.memory to 85%, or leave overload out';
    return [{ place: placeOf(file, 'memory'), message }];
  }
  if (memory === 'off' || memory < 1) return [];
  const message =
    'the process is killed at 100% of the memory that it may have, so this limit is never passed; set overload.memory to 85%, or to off';
  return [{ place: placeOf(file, 'memory'), message }];
}

function checkDelay(file: LintFile): Found {
  const { overload } = file.config;
  if (overload === 'off' || overload.eventLoopDelay === 'off') return [];
  if (overload.eventLoopDelay >= QUIET_MS || overload.shed === 0) return [];
  const message = `the event loop is looked at every ${SAMPLE_MS} ms, and garbage collection alone makes it that late: calls are refused by a process that is well; set overload.eventLoopDelay to 100ms`;
  return [{ place: placeOf(file, 'eventLoopDelay'), message }];
}

function checkShare(file: LintFile): Found {
  const { overload } = file.config;
  if (overload === 'off' || overload.shed < 1) return [];
  const message =
    'while a limit is passed no call is served at all, and when it no longer is all come back at once: the service goes down in waves, or for good where the memory is not given back; set overload.shed to 30%, or up to 70% where load comes in high peaks';
  return [{ place: placeOf(file, 'shed'), message }];
}

export const overloadRules: readonly LintRule[] = [
  { name: 'overload-without-effect', level: 'warning', check: checkEffect },
  { name: 'touchy-overload', level: 'warning', check: checkDelay },
  { name: 'sheds-everything', level: 'warning', check: checkShare },
];
