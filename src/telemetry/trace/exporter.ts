/** Sends spans to a collector in batches: bounded, never in the way of calls, and counted to the last one. */
import type { Clock, Random, Timer } from '../../core/clock.js';
import type { Span } from './span.js';

/** What became of one request. */
export type Sent =
  /** @param rejected spans that the collector did not take. */
  | { readonly kind: 'taken'; readonly rejected: number; readonly why: string | undefined }
  /** It may work later. @param afterMs how long the collector wants to be left alone. */
  | { readonly kind: 'later'; readonly why: string; readonly afterMs: number | undefined }
  /** Another attempt would not help, or would send the spans twice. */
  | { readonly kind: 'lost'; readonly why: string; readonly isDown: boolean };

/** Where spans go. */
export interface Collector {
  /** A part of a request, of `PART` spans at most: it takes a fraction of a millisecond. */
  encode(spans: readonly Span[]): Uint8Array;
  /** Sends parts as one request. Never rejects, and ends within its time limit. */
  send(parts: readonly Uint8Array[]): Promise<Sent>;
  /** Ends all requests at once. */
  close(): void;
}

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

/** Spans that are encoded in one turn: more would hold up calls. */
export const PART = 64;

/** Most spans of a request, which costs as much as many spans do. */
export const BATCH = 512;

/** Spans that may wait; further ones are dropped. */
export const MAX_WAITING = 2048;

/** How long a span waits for others, in ms. */
const GATHER_MS = 1000;

/** Requests at once while the collector works; one while it does not. */
const MAX_REQUESTS = 4;

const MAX_ATTEMPTS = 5;

/** A batch is not kept for longer than this for another attempt, in ms. */
const MAX_RETRY_MS = 10_000;

const FIRST_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 5000;

/** Longest time that a collector may ask to be left alone for, in ms. */
const MAX_PAUSE_MS = 60_000;

interface Batch {
  readonly spans: readonly Span[];
  /** Monotonic. */
  readonly firstSentMs: number;
  attempts: number;
}

export class Exporter {
  readonly #options: ExporterOptions;
  #collector: Collector;
  #waiting: Span[] = [];
  /** Spans are due although they do not fill a batch. */
  #isDue = false;
  /** Batches that the collector did not take, oldest first. */
  #again: Batch[] = [];
  #requests = 0;
  #isPumping = false;
  /** Failures in a row. */
  #failures = 0;
  #resumeMs = -Infinity;
  #gatherTimer: Timer | undefined;
  #resumeTimer: Timer | undefined;
  #isEnding = false;
  #hasEnded = false;
  #onIdle: (() => void) | undefined;

  constructor(collector: Collector, options: ExporterOptions) {
    this.#collector = collector;
    this.#options = options;
  }

  /** Spans that are here, sent or not. */
  get size(): number {
    return this.#waiting.length + this.#again.reduce((sum, { spans }) => sum + spans.length, 0);
  }

  /** What waits goes to this one. @returns the one before: requests to it go on. */
  moveTo(collector: Collector): Collector {
    const before = this.#collector;
    this.#collector = collector;
    this.#failures = 0;
    this.#resumeMs = -Infinity;
    void this.#pump();
    return before;
  }

  add(span: Span): void {
    if (this.#isEnding || this.#waiting.length >= MAX_WAITING) return this.#options.onDropped(1);
    this.#waiting.push(span);
    if (this.#waiting.length >= BATCH) void this.#pump();
    else this.#gatherTimer ??= this.#options.clock.schedule(GATHER_MS, this.#onGathered);
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
    this.#hasEnded = true;
    this.#options.onDropped(this.size);
    this.#waiting = [];
    this.#again = [];
    this.#collector.close();
  }

  readonly #onGathered = (): void => {
    this.#gatherTimer = undefined;
    this.#isDue = this.#waiting.length > 0;
    void this.#pump();
  };

  get #isIdle(): boolean {
    return this.#requests === 0 && this.size === 0;
  }

  /** Begins requests as long as there is something to send; encodes one part a turn. */
  async #pump(): Promise<void> {
    if (this.#isPumping) return;
    this.#isPumping = true;
    for (;;) {
      await this.#options.nextTurn();
      const batch = this.#take();
      if (batch === undefined) break;
      await this.#begin(batch);
    }
    this.#isPumping = false;
    if (this.#isIdle) this.#onIdle?.();
  }

  #take(): Batch | undefined {
    const { clock } = this.#options;
    const most = this.#failures === 0 || this.#isEnding ? MAX_REQUESTS : 1;
    if (this.#requests >= most) return undefined;
    if (!this.#isEnding && clock.now() < this.#resumeMs) return undefined;
    const again = this.#again.shift();
    if (again !== undefined) return again;
    const { length } = this.#waiting;
    if (length === 0 || (length < BATCH && !this.#isDue)) return undefined;
    const spans = this.#waiting.splice(0, BATCH);
    if (this.#waiting.length === 0) this.#isDue = this.#isEnding;
    return { spans, attempts: 0, firstSentMs: clock.now() };
  }

  /** Resolves when the batch is encoded. */
  async #begin(batch: Batch): Promise<void> {
    const collector = this.#collector;
    const { spans } = batch;
    this.#requests += 1;
    try {
      const parts = [collector.encode(spans.slice(0, PART))];
      for (let at = PART; at < spans.length; at += PART) {
        await this.#options.nextTurn();
        parts.push(collector.encode(spans.slice(at, at + PART)));
      }
      if (!this.#hasEnded) return void this.#send(batch, collector, parts);
    } catch (error) {
      this.#options.onOutcome(`spans cannot be encoded: ${String(error)}`);
    }
    this.#requests -= 1;
    this.#options.onDropped(spans.length);
  }

  async #send(batch: Batch, collector: Collector, parts: readonly Uint8Array[]): Promise<void> {
    const failures = this.#failures;
    batch.attempts += 1;
    const sent = await collector.send(parts);
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
      this.#failures = 0;
      const rejected = Math.min(sent.rejected, spans.length);
      if (rejected < spans.length) onExported(spans.length - rejected);
      if (rejected > 0) onDropped(rejected);
      return;
    }
    if (sent.kind === 'later' || sent.isDown) this.#backOff(sent, failures);
    const isOver =
      sent.kind === 'lost' ||
      this.#isEnding ||
      batch.attempts >= MAX_ATTEMPTS ||
      this.#resumeMs - batch.firstSentMs > MAX_RETRY_MS;
    if (isOver) onDropped(spans.length);
    else this.#again.push(batch);
  }

  #backOff(sent: Sent, failures: number): void {
    const { clock, random } = this.#options;
    const nowMs = clock.now();
    // Requests that were under way together fail together, once.
    if (failures >= this.#failures) this.#failures += 1;
    const backoffMs = Math.min(FIRST_BACKOFF_MS * 2 ** (this.#failures - 1), MAX_BACKOFF_MS);
    const wantedMs = sent.kind === 'later' ? Math.min(sent.afterMs ?? 0, MAX_PAUSE_MS) : 0;
    const delayMs = Math.max(backoffMs * (0.8 + 0.4 * random()), wantedMs);
    this.#resumeMs = Math.max(this.#resumeMs, nowMs + delayMs);
    this.#resumeTimer?.cancel();
    this.#resumeTimer = clock.schedule(this.#resumeMs - nowMs, () => void this.#pump());
  }
}
