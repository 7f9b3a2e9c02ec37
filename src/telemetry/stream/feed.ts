/**
 * The stream behind the live page. Without a viewer nothing runs. A viewer first gets everything, then once or twice in
 * two seconds what has changed. The work for many upstreams is done in parts, with calls in between.
 */
import { setImmediate } from 'node:timers/promises';
import type { Clock, Timer } from '../../core/clock.js';
import type { InspectableUpstream, Inspection } from '../../core/inspect.js';
import type { LiveViewer } from '../../core/live.js';
import { groupScopes } from './detail.js';
import { SLOT_MS, SLOTS } from './ring.js';
import { createHistory, createRow, type RowInput } from './rows.js';
import type { Trends } from './trends.js';

export interface FeedOptions {
  readonly clock: Clock;
  readonly inspection: Inspection;
  readonly trends: Trends;
  /** What is shown of the process, ready for JSON. */
  readonly describeProcess: () => object;
  /** The first viewer has come, or the last one has left. */
  readonly onWatched?: (isWatched: boolean) => void;
}

export const MAX_VIEWERS = 16;

/** A viewer that has taken nothing for so long, in ms, is dropped. */
export const PATIENCE_MS = 15_000;

/** Upstreams at a time, before calls are served again. */
const ROWS_AT_ONCE = 50;

/** More upstreams than this are shown every two seconds. */
const MANY = 200;

interface Viewing {
  readonly viewer: LiveViewer;
  /** It has to get everything: at first, and after it was left out. */
  needsAll: boolean;
  /** Since when it takes nothing. */
  stuckSinceMs: number | undefined;
}

export class Feed {
  readonly #options: FeedOptions;
  readonly #viewings = new Set<Viewing>();
  /** As they were sent last, by name. */
  #rows = new Map<string, string>();
  #timer: Timer | undefined;
  #isAtWork = false;
  /** Of the rows that were sent last. */
  #slot = -1;
  #id = 0;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  get viewers(): number {
    return this.#viewings.size;
  }

  watch(viewer: LiveViewer): (() => void) | undefined {
    if (this.#viewings.size >= MAX_VIEWERS) return undefined;
    const viewing: Viewing = { viewer, needsAll: true, stuckSinceMs: undefined };
    this.#viewings.add(viewing);
    if (this.#viewings.size === 1) {
      this.#options.onWatched?.(true);
      // Further ones wait for the next message of all.
      if (!this.#isAtWork) this.#beginIn(0);
    }
    return () => this.#leave(viewing);
  }

  /** The first message of the stream without its frame. */
  async *snapshot(): AsyncGenerator<string> {
    yield* this.#render(await this.#readRows('history'), []);
  }

  #leave(viewing: Viewing): void {
    if (!this.#viewings.delete(viewing) || this.#viewings.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#rows = new Map();
    this.#options.onWatched?.(false);
  }

  #beginIn(delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.schedule(delayMs, () => void this.#look());
  }

  async #look(): Promise<void> {
    this.#isAtWork = true;
    try {
      await this.#send();
    } finally {
      this.#isAtWork = false;
      const isMany = this.#rows.size > MANY;
      if (this.#viewings.size > 0) this.#beginIn(isMany ? 2000 : 1000);
    }
  }

  async #send(): Promise<void> {
    const before = this.#rows;
    const isNewSlot = this.#options.trends.slot !== this.#slot;
    this.#slot = this.#options.trends.slot;
    const rows = await this.#readRows(isNewSlot ? 'before' : 'none');
    if (this.#viewings.size === 0) return;
    this.#rows = rows;
    const changed = new Map([...rows].filter(([name, row]) => before.get(name) !== row));
    const removed = [...before.keys()].filter((name) => !rows.has(name));
    this.#id += 1;
    const willing = [...this.#viewings].filter((viewing) => this.#isWilling(viewing));
    const [fresh, known] = [
      willing.filter(({ needsAll }) => needsAll),
      willing.filter(({ needsAll }) => !needsAll),
    ];
    if (known.length > 0) this.#pass('update', this.#render(changed, removed), known);
    if (fresh.length === 0) return;
    this.#pass('state', this.#render(await this.#readRows('history'), []), fresh);
  }

  /** Drops a viewer that has been stuck for too long. */
  #isWilling(viewing: Viewing): boolean {
    if (viewing.viewer.isReady()) {
      viewing.stuckSinceMs = undefined;
      return true;
    }
    const nowMs = this.#options.clock.now();
    viewing.stuckSinceMs ??= nowMs;
    viewing.needsAll = true;
    if (nowMs - viewing.stuckSinceMs >= PATIENCE_MS) {
      viewing.viewer.drop();
      this.#leave(viewing);
    }
    return false;
  }

  /** One message: a line per piece. */
  #pass(event: string, pieces: Iterable<string>, viewings: readonly Viewing[]): void {
    let text = `id: ${this.#id}\nevent: ${event}\n`;
    for (const piece of pieces) text += `data: ${piece}\n`;
    text += '\n';
    for (const viewing of viewings) {
      viewing.needsAll = false;
      viewing.viewer.send(text);
    }
  }

  /** JSON with one row per line. */
  *#render(rows: ReadonlyMap<string, string>, removed: readonly string[]): Generator<string> {
    const { clock, describeProcess, trends } = this.#options;
    const head = {
      at: new Date(clock.wallNow()).toISOString(),
      slot: trends.slot,
      slotSeconds: SLOT_MS / 1000,
      slots: SLOTS,
      process: describeProcess(),
      removed,
    };
    yield `${JSON.stringify(head).slice(0, -1)},"upstreams":[`;
    let left = rows.size;
    for (const row of rows.values()) yield --left === 0 ? row : `${row},`;
    yield ']}';
  }

  /** @param past what is added of the time before the current slot. */
  async #readRows(past: 'history' | 'before' | 'none'): Promise<Map<string, string>> {
    const { inspection } = this.#options;
    const scopes = groupScopes(inspection);
    const rows = new Map<string, string>();
    for (const [i, upstream] of inspection.upstreams().entries()) {
      const input = this.inputOf(upstream, scopes.get(upstream.name) ?? []);
      const row: object = createRow(input);
      rows.set(upstream.name, JSON.stringify({ ...row, ...pastOf(input, past) }));
      if (i % ROWS_AT_ONCE === ROWS_AT_ONCE - 1) await setImmediate();
    }
    return rows;
  }

  inputOf(upstream: InspectableUpstream, scopes: RowInput['scopes']): RowInput {
    const { inspection, trends, clock } = this.#options;
    return {
      inspection,
      upstream,
      scopes,
      record: trends.of(upstream.name),
      slot: trends.slot,
      share: trends.share,
      wallMs: clock.wallNow(),
    };
  }
}

function pastOf({ record, slot }: RowInput, past: 'history' | 'before' | 'none'): object {
  if (past === 'history') return { history: createHistory(record, slot) };
  if (past === 'none') return {};
  // Calls may have come after the last message about it.
  const before = record.ring.before(slot);
  return before.calls === 0 && before.p99 === null ? {} : { before };
}
