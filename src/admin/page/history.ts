/** The last minutes of an upstream, slot by slot, as the page's charts show them. */
import type { SlotCounts } from '../../core/live.js';

/** One list per number, oldest first, the current slot last. */
export interface History {
  readonly calls: number[];
  readonly failed: number[];
  readonly refused: number[];
  readonly degradedShare: number[];
  readonly p50: (number | null)[];
  readonly p99: (number | null)[];
  readonly circuit: string[];
}

export function emptyHistory(slots: number): History {
  const zeros = () => Array.from({ length: slots }, () => 0);
  const nothing = () => Array.from({ length: slots }, (): number | null => null);
  return {
    calls: zeros(),
    failed: zeros(),
    refused: zeros(),
    degradedShare: zeros(),
    p50: nothing(),
    p99: nothing(),
    circuit: Array.from({ length: slots }, () => 'closed'),
  };
}

const noCalls: SlotCounts = {
  calls: 0,
  failed: 0,
  refused: 0,
  degradedShare: 0,
  p50: null,
  p99: null,
  circuit: 'closed',
};

/** So many slots without calls begin; as many old ones are dropped. */
export function moveOn(history: History, slots: number, circuit: SlotCounts['circuit']): void {
  for (let i = slots; i > 0; i--) {
    for (const list of Object.values(history)) list.shift();
    push(history, { ...noCalls, circuit });
  }
}

/** Puts these in the place of the last ones. */
export function putLast(history: History, slots: readonly SlotCounts[]): void {
  for (const list of Object.values(history)) list.splice(-slots.length);
  for (const slot of slots) push(history, slot);
}

function push(history: History, slot: SlotCounts): void {
  history.calls.push(slot.calls);
  history.failed.push(slot.failed);
  history.refused.push(slot.refused);
  history.degradedShare.push(slot.degradedShare);
  history.p50.push(slot.p50);
  history.p99.push(slot.p99);
  history.circuit.push(slot.circuit);
}
