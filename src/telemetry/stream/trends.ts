/** The sink behind the live page: it keeps the last 15 minutes of each upstream, whether somebody looks or not. */
import type { Clock, Timer } from '../../core/clock.js';
import {
  isAttemptFinished,
  type Emit,
  type Event,
  type ExchangeFinished,
} from '../../core/events.js';
import { circuitCodes, type CircuitCode } from '../../core/live.js';
import type { LoggedEvent } from '../../core/instruments.js';
import type { PolicyList } from '../../core/policy.js';
import type { ShadowRefused } from '../../core/shadow.js';
import { endpointLog } from '../../upstream/instruments.js';
import type { Sink } from '../bus.js';
import { UpstreamRecord } from './record.js';
import { SLOT_MS } from './ring.js';

export interface TrendsOptions {
  readonly clock: Clock;
  readonly policies: PolicyList;
}

const isExchange = (event: Event): event is ExchangeFinished => event.type === 'exchange-finished';

/** As a circuit breaker tells it. */
interface Moved {
  readonly type: string;
  readonly from: string;
  readonly to: CircuitCode;
}

const isMoved = (event: Event): event is Moved =>
  event.type === 'circuit-moved' && 'to' in event && circuitCodes.includes(event.to as CircuitCode);

const isShadowRefused = (event: Event): event is ShadowRefused => event.type === 'shadow-refused';

/** Changes that are only counted are left out of the news of an upstream. */
/** What takes an endpoint out. */
const goesOut: ReadonlySet<string> = new Set([
  'endpoint-ejected',
  'endpoint-unhealthy',
  'endpoint-drained',
]);

const isNews = (level: string) => level !== 'debug';

export class Trends implements Sink {
  readonly #clock: Clock;
  readonly #lines: ReadonlyMap<string, LoggedEvent>;
  readonly #records = new Map<string, UpstreamRecord>();
  #timer: Timer;
  /** Set by a timer: counting asks no clock. */
  #slot: number;

  constructor({ clock, policies }: TrendsOptions) {
    this.#clock = clock;
    const logged = [...endpointLog, ...policies.flatMap(({ log = [] }) => log)];
    this.#lines = new Map(logged.map((each) => [each.event, each]));
    this.#slot = Math.floor(clock.now() / SLOT_MS);
    this.#timer = this.#schedule();
  }

  /** Number of the current slot, from any start. */
  get slot(): number {
    return this.#slot;
  }

  /** How much of the current slot is over, from 0 to 1. */
  get share(): number {
    return Math.min(1, Math.max(0, this.#clock.now() / SLOT_MS - this.#slot));
  }

  of(upstream: string): UpstreamRecord {
    let record = this.#records.get(upstream);
    if (record === undefined) {
      record = new UpstreamRecord(this.#slot, this.#clock.wallNow());
      this.#records.set(upstream, record);
    }
    return record;
  }

  /** Forgets all other upstreams. */
  keepOnly(upstreams: Iterable<string>): void {
    const present = new Set(upstreams);
    for (const name of this.#records.keys()) {
      if (!present.has(name)) this.#records.delete(name);
    }
  }

  scope(upstream: string, route: string): Emit {
    // What belongs to no upstream has no row.
    if (upstream === '') return () => {};
    const record = this.of(upstream);
    const counts = record.countsOf(route);
    return (event) => {
      if (isExchange(event)) {
        record.countCall(this.#slot, counts, event.summary, this.#readTime);
      } else if (isAttemptFinished(event)) {
        record.countAttempt(this.#slot, event, this.#readTime);
      } else if (isShadowRefused(event)) {
        record.countShadow(route, event);
      } else {
        this.#note(record, upstream, route, event);
      }
    };
  }

  close(): void {
    this.#timer.cancel();
  }

  #note(record: UpstreamRecord, upstream: string, route: string, event: Event): void {
    const line = this.#lines.get(event.type);
    if (line === undefined || line.when?.(event) === false) return;
    const { level, fields, message } = line.line(event, upstream, route);
    if (!isNews(level)) return;
    const at = new Date(this.#clock.wallNow()).toISOString();
    const news = { at, route, level, message, fields };
    if (goesOut.has(event.type)) record.endpointOutAt = at;
    if (!isMoved(event)) return record.news.add(news);
    record.addMove(news, event.from === 'closed');
    if (route === '') record.ring.noteCircuit(this.#slot, event.to);
  }

  readonly #readTime = () => ({ nowMs: this.#clock.now(), wallMs: this.#clock.wallNow() });

  #schedule(): Timer {
    const endMs = (this.#slot + 1) * SLOT_MS;
    return this.#clock.schedule(endMs - this.#clock.now(), () => {
      // Timers may come a moment too early.
      this.#slot = Math.max(this.#slot + 1, Math.floor(this.#clock.now() / SLOT_MS));
      this.#timer = this.#schedule();
    });
  }
}
