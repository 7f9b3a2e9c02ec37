/** `timeouts`: the time of one attempt. */
import type { Part } from '../part.js';
import type { Foreign } from '../foreign.js';
import { parseUnits, showDuration } from '../values.js';

/** A number without a unit is in milliseconds. @returns ms; undefined where it is no duration. */
export function readDuration(value: Foreign | undefined): number | undefined {
  const text = value?.text();
  if (text === undefined) return undefined;
  return /^\d+$/.test(text) ? Number(text) : parseUnits(text);
}

export function convertTimeout(policy: Foreign, part: Part): void {
  const ms = readDuration(policy);
  part.set('timeout.total', 'off', 'Dapr has no limit for the whole call');
  if (ms === undefined || ms <= 0) {
    part.set('timeout.attempt', 'off', policy);
    if (ms === undefined) part.note(`${policy.origin}: this is no duration.`, 'timeout.attempt');
    return;
  }
  part.set('timeout.attempt', showDuration(ms), policy);
  part.differs(
    'Timeouts: they are for one attempt, as in Dapr. Here an attempt ends with its response headers; a body that is silent for `timeout.idle` (30s by default) ends the call.',
  );
  if (policy.node.kind === 'scalar' && /^\d+$/.test(String(policy.node.value))) {
    part.note('Dapr reads a number without a unit as milliseconds.', 'timeout.attempt');
  }
}
