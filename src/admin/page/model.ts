/** What the page knows: the rows by name, kept up to date by the messages of the stream. It touches no document. */
import { plural } from './format.js';
import { emptyHistory, moveOn, putLast, type History } from './history.js';
import type { Row, SlotCounts, TroubleState } from '../../core/live.js';

export interface ProcessInfo {
  readonly version: string;
  readonly state: string;
  readonly startedAt: string;
  readonly config: {
    readonly file: string;
    readonly appliedAt: string;
    readonly hash: string;
    /** What `check` says about it; null where that is not known. */
    readonly lint: Lint | null;
  };
  readonly needsToken: boolean;
  readonly lastReload: Reload | null;
  readonly eventLoop: { readonly busy: number; readonly delayMs: number } | null;
  readonly memory: { readonly usedBytes: number; readonly limitBytes: number };
  readonly shedding: string | null;
  /** In shadow. */
  readonly wouldShed: string | null;
  readonly viewers: number;
}

export interface Diagnostic {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly level: string;
  readonly path: string;
  readonly message: string;
}

export interface Lint {
  readonly warnings: number;
  readonly infos: number;
  /** The first ones. */
  readonly diagnostics: readonly Diagnostic[];
}

export interface Reload {
  readonly at: string;
  readonly result: 'success' | 'invalid' | 'unbindable';
  readonly changes?: { readonly added: number; readonly removed: number; readonly changed: number };
  readonly diagnostics?: readonly Diagnostic[];
  readonly left?: number;
  readonly message?: string;
}

export interface Message {
  readonly at: string;
  readonly slot: number;
  readonly slotSeconds: number;
  readonly slots: number;
  readonly process: ProcessInfo;
  readonly removed: readonly string[];
  readonly upstreams: readonly (Row & {
    readonly history?: History | null;
    /** The slot before the current one, once it is over. */
    readonly before?: SlotCounts;
  })[];
}

export interface Known {
  row: Row;
  history: History;
  /** The slot that the history ends with. */
  slot: number;
}

export type SortKey = 'trouble' | 'name' | 'calls' | 'good' | 'p99';

/** From this weight on an upstream counts as in trouble. */
export const TROUBLE = 15;

export const words: Readonly<
  Record<TroubleState, { readonly word: string; readonly sign: string }>
> = {
  open: { word: 'circuit open', sign: '■' },
  'forced-open': { word: 'forced open', sign: '⚑' },
  failing: { word: 'failing', sign: '▲' },
  'half-open': { word: 'probing', sign: '◐' },
  'no-endpoint': { word: 'no endpoint', sign: '✖' },
  full: { word: 'full', sign: '▮' },
  degraded: { word: 'on fallback', sign: '◆' },
  'no-retries': { word: 'no retries', sign: '▽' },
  'endpoints-out': { word: 'endpoints out', sign: '◇' },
  'forced-closed': { word: 'forced closed', sign: '⚑' },
  'fault-injected': { word: 'fault injected', sign: '✱' },
  good: { word: 'good', sign: '●' },
  idle: { word: 'idle', sign: '○' },
};

/** A later version may have states that this one does not know: they are shown by their names. */
export const lookOf = (state: string): { readonly word: string; readonly sign: string } =>
  (words as Readonly<Record<string, (typeof words)[TroubleState]>>)[state] ?? {
    word: state,
    sign: '?',
  };

/** `2 warnings`; empty where there is none, or where that is not known. */
export const countWarnings = ({ config: { lint } }: ProcessInfo): string =>
  lint === null || lint.warnings === 0 ? '' : plural(lint.warnings, 'warning');

export class Model {
  readonly upstreams = new Map<string, Known>();
  at = '';
  process: ProcessInfo | undefined;
  #slots = 60;
  slotSeconds = 15;

  /** @param isAll the message has every upstream: others are gone. */
  take(message: Message, isAll: boolean): void {
    this.at = message.at;
    this.process = message.process;
    this.#slots = message.slots;
    this.slotSeconds = message.slotSeconds;
    for (const name of message.removed) this.upstreams.delete(name);
    if (isAll) {
      const names = new Set(message.upstreams.map(({ name }) => name));
      for (const name of this.upstreams.keys()) if (!names.has(name)) this.upstreams.delete(name);
    }
    for (const { history, before, ...row } of message.upstreams) {
      this.#put(row, history, before, message.slot);
    }
    // Those without news have had no calls since.
    for (const known of this.upstreams.values()) this.#moveTo(known, message.slot);
  }

  #put(
    row: Row,
    history: History | null | undefined,
    before: SlotCounts | undefined,
    slot: number,
  ): void {
    let known = this.upstreams.get(row.name);
    if (known === undefined || history !== undefined) {
      known = { row, history: history ?? emptyHistory(this.#slots), slot };
      this.upstreams.set(row.name, known);
    }
    known.row = row;
    this.#moveTo(known, slot);
    putLast(known.history, before === undefined ? [row.slot] : [before, row.slot]);
  }

  #moveTo(known: Known, slot: number): void {
    const { circuit } = known.row.slot;
    moveOn(known.history, Math.min(slot - known.slot, this.#slots), circuit);
    known.slot = slot;
  }

  inTrouble(): Known[] {
    return this.sorted('trouble').filter(({ row }) => row.trouble.weight >= TROUBLE);
  }

  sorted(key: SortKey): Known[] {
    return [...this.upstreams.values()].toSorted((a, b) => compare(a.row, b.row, key));
  }

  /** @param query words that a name, target or state must all have. */
  select(query: string, key: SortKey, onlyTrouble: boolean): Known[] {
    const parts = query.toLowerCase().split(/\s+/).filter(Boolean);
    return this.sorted(key).filter(({ row }) => {
      if (onlyTrouble && row.trouble.weight < TROUBLE) return false;
      const text = `${row.name} ${row.target} ${lookOf(row.trouble.state).word}`.toLowerCase();
      return parts.every((part) => text.includes(part));
    });
  }

  /** One sentence about all of them. */
  summary(): string {
    const all = this.upstreams.size;
    const troubled = this.inTrouble();
    if (all === 0) return 'The configuration has no upstreams.';
    if (troubled.length === 0)
      return all === 1 ? 'The upstream is well.' : `All ${all} upstreams are well.`;
    const worst = troubled[0]!.row;
    return `${troubled.length} of ${all} in trouble. Worst: ${worst.name} (${lookOf(worst.trouble.state).word}).`;
  }
}

function compare(a: Row, b: Row, key: SortKey): number {
  const byTrouble = b.trouble.weight - a.trouble.weight;
  const byName = a.name < b.name ? -1 : 1;
  switch (key) {
    case 'trouble':
      return byTrouble || byName;
    case 'name':
      return byName;
    case 'calls':
      return b.callsPerSecond - a.callsPerSecond || byName;
    case 'good':
      return (a.goodShare ?? 2) - (b.goodShare ?? 2) || byName;
    case 'p99':
      return (b.latencyMs?.p99 ?? -1) - (a.latencyMs?.p99 ?? -1) || byName;
  }
}
