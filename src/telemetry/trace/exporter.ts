/** Sends spans to a collector in batches: bounded, never in the way of calls, and counted to the last one. */
import type { Clock, Random, Timer } from '../../core/clock.js';
import type { Collector, Sent } from './delivery.js';
import { EncodedSpans, PART, type Parcel } from './encoded-spans.js';
import { Patience } from './patience.js';
import type { SpanRecord } from './recording.js';

export interface ExporterOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Resolves when calls have had their turn. */
  readonly nextTurn: () => Promise<void>;
  readonly onExported: (spans: number) => void;
  readonly onDropped: (spans: number) => void;
  /** A request to the collector went wrong (why), or well (undefined). */
  readonly onOutcome: (why: string | undefined) => void;
}

/** Spans that may wait; further ones are dropped. */
export const MAX_WAITING = 4096;

/** How long a span waits for others, in ms. */
const GATHER_MS = 1000;

/** Requests at once while the collector works; one while it does not. */
const MAX_REQUESTS = 4;

const MAX_ATTEMPTS = 5;

/** A batch is not kept for longer than this for another attempt, in ms. */
const MAX_RETRY_MS = 10_000;

interface Batch extends Parcel {
  /** Monotonic. */
  readonly firstSentMs: number;
  attempts: number;
}

const sum = (counted: readonly { readonly spans: number }[]) =>
  counted.reduce((total, { spans }) => total + spans, 0);

/** Spans are encoded soon, so that few small objects wait for the garbage collection. */
export class Exporter {
  readonly #options: ExporterOptions;
  #collector: Collector;
  /** Not encoded yet, oldest first. */
  #waiting: SpanRecord[] = [];
  readonly #encoded = new EncodedSpans();
  /** Spans are due although they do not fill a batch; until there are none. */
  #isDue = false;
  /** Batches that the collector did not take, oldest first. */
  #again: Batch[] = [];
  #requests = 0;
  #isPumping = false;
  readonly #patience: Patience;
  #gatherTimer: Timer | undefined;
  #resumeTimer: Timer | undefined;
  #isEnding = false;
  #onIdle: (() => void) | undefined;

  constructor(collector: Collector, options: ExporterOptions) {
    this.#collector = collector;
    this.#options = options;
    this.#patience = new Patience(options.clock, options.random);
  }

  /** Spans that are here and not in a request. */
  get size(): number {
    return this.#unsent + sum(this.#again);
  }

  /** Those that were never in a request. */
  get #unsent(): number {
    return this.#waiting.length + this.#encoded.count;
  }

  /**
   * What waits goes to this one; what is encoded in another format goes to the one before, once.
   * @returns the one before: requests to it go on.
   */
  moveTo(collector: Collector): Collector {
    const before = this.#collector;
    if (collector.format !== before.format) {
      const batches = this.#again.splice(0);
      while (this.#encoded.count > 0) batches.push(this.#takeEncoded());
      for (const batch of batches) void this.#send({ ...batch, attempts: MAX_ATTEMPTS - 1 });
    }
    this.#collector = collector;
    this.#patience.forget();
    void this.#pump();
    return before;
  }

  add(record: SpanRecord): void {
    if (this.#isEnding || this.#unsent >= MAX_WAITING) return this.#options.onDropped(1);
    this.#waiting.push(record);
    if (!this.#isDue) {
      this.#gatherTimer ??= this.#options.clock.schedule(GATHER_MS, this.#onGathered);
    }
    if (this.#waiting.length >= PART) void this.#pump();
  }

  /** Sends what waits, each batch at most once more, and drops what is not sent after `limitMs`. Nothing is taken after it. */
  async end(limitMs: number): Promise<void> {
    const { clock } = this.#options;
    this.#isEnding = true;
    this.#isDue = true;
    this.#gatherTimer?.cancel();
    this.#resumeTimer?.cancel();
    void this.#pump();
    if (!this.#isIdle) {
      await new Promise<void>((resolve) => {
        const timer = clock.schedule(limitMs, resolve);
        this.#onIdle = () => {
          timer.cancel();
          resolve();
        };
      });
    }
    this.#options.onDropped(this.size);
    this.#waiting = [];
    this.#encoded.clear();
    this.#again = [];
    this.#collector.close();
  }

  readonly #onGathered = (): void => {
    this.#gatherTimer = undefined;
    this.#isDue = this.#unsent > 0;
    void this.#pump();
  };

  get #isIdle(): boolean {
    return this.#requests === 0 && this.size === 0;
  }

  /** Encodes a part a turn, and begins requests as long as there is something to send. */
  async #pump(): Promise<void> {
    if (this.#isPumping) return;
    this.#isPumping = true;
    do await this.#options.nextTurn();
    while (this.#work());
    this.#isPumping = false;
    if (this.#isIdle) this.#onIdle?.();
  }

  /** @returns false where there is nothing to do. */
  #work(): boolean {
    const hasEncoded = this.#encode();
    return this.#begin() || hasEncoded;
  }

  /** @returns false where there is nothing to encode yet. */
  #encode(): boolean {
    const { length } = this.#waiting;
    if (length === 0 || (length < PART && !this.#isDue)) return false;
    const records = this.#waiting.splice(0, PART);
    try {
      const spans = records.map((record) => record.toSpan());
      this.#encoded.add(this.#collector.encode(spans), spans.length);
    } catch (error) {
      this.#options.onDropped(records.length);
      this.#options.onOutcome(`spans cannot be encoded: ${String(error)}`);
    }
    return true;
  }

  /** @returns false where there is nothing to send yet. */
  #begin(): boolean {
    const batch = this.#take();
    if (batch !== undefined) void this.#send(batch);
    return batch !== undefined;
  }

  #take(): Batch | undefined {
    const { clock } = this.#options;
    const most = this.#patience.failures === 0 || this.#isEnding ? MAX_REQUESTS : 1;
    if (this.#requests >= most) return undefined;
    if (!this.#isEnding && clock.now() < this.#patience.resumeMs) return undefined;
    const again = this.#again.shift();
    if (again !== undefined) return again;
    const isRest = this.#isDue && this.#waiting.length === 0;
    if (this.#encoded.count === 0 || (!this.#encoded.isFull && !isRest)) return undefined;
    const batch = this.#takeEncoded();
    if (this.#unsent === 0) this.#isDue = this.#isEnding;
    return batch;
  }

  #takeEncoded(): Batch {
    const firstSentMs = this.#options.clock.now();
    return { ...this.#encoded.take(), firstSentMs, attempts: 0 };
  }

  async #send(batch: Batch): Promise<void> {
    const collector = this.#collector;
    const { failures } = this.#patience;
    batch.attempts += 1;
    this.#requests += 1;
    const sent = await collector.send(batch.parts);
    this.#requests -= 1;
    this.#settle(batch, sent, failures);
    if (collector === this.#collector) this.#options.onOutcome(sent.why);
    void this.#pump();
  }

  /** @param failures in a row when the batch was sent. */
  #settle(batch: Batch, sent: Sent, failures: number): void {
    const { onExported, onDropped } = this.#options;
    const { spans } = batch;
    if (sent.kind === 'taken') {
      this.#patience.onSuccess();
      const rejected = Math.min(sent.rejected, spans);
      if (rejected < spans) onExported(spans - rejected);
      if (rejected > 0) onDropped(rejected);
      return;
    }
    if (sent.kind === 'later' || sent.isDown) this.#backOff(sent, failures);
    const isOver =
      sent.kind === 'lost' ||
      this.#isEnding ||
      batch.attempts >= MAX_ATTEMPTS ||
      this.#patience.resumeMs - batch.firstSentMs > MAX_RETRY_MS;
    if (isOver) onDropped(spans);
    else this.#again.push(batch);
  }

  #backOff(sent: Sent, failures: number): void {
    const { clock } = this.#options;
    const patience = this.#patience;
    patience.onFailure(failures, sent.kind === 'later' ? (sent.afterMs ?? 0) : 0);
    this.#resumeTimer?.cancel();
    const delayMs = patience.resumeMs - clock.now();
    this.#resumeTimer = clock.schedule(delayMs, () => void this.#pump());
  }
}
