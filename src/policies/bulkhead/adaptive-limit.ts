/** A concurrency limit that finds the knee of an upstream: as many calls at once as it can work on, and few that only wait there. */
import type { Clock } from '../../core/clock.js';
import type { AttemptResult } from '../../core/outcome.js';
import { SlidingWindow } from '../../lib/sliding-window.js';
import type { AdaptiveLimitOptions } from './options.js';

export interface GradientOptions {
  /** How many times its normal length a response may take before the limit gives way. */
  readonly tolerance: number;
  /** Calls that the limit offers beyond what latency tells, so that it can find out about more. */
  readonly queue: number;
  /** Weight of the new limit against the old one. */
  readonly smoothing: number;
}

/**
 * One step of Gradient2 (Netflix concurrency-limits): the limit falls as latency rises over its normal, by no more than half
 * before smoothing, and a limit that is not used says nothing.
 */
export function stepGradient(
  limit: number,
  shortMs: number,
  longMs: number,
  inFlight: number,
  { tolerance, queue, smoothing }: GradientOptions,
): number {
  if (inFlight < limit / 2) return limit;
  const gradient = Math.min(1, Math.max(0.5, (tolerance * longMs) / shortMs));
  return limit * (1 - smoothing) + (limit * gradient + queue) * smoothing;
}

/** Netflix has 1.5 for samples that are few; means of many can do with less, and what is over it waits at the upstream. */
const TOLERANCE = 1.15;
const SMOOTHING = 0.2;
/** Room to grow, in calls; once latency is up, no more than this share of the limit, or a small one would be mostly queue. */
const QUEUE = 4;
const QUEUE_SHARE = 0.08;
/** How many responses make a mean to act upon; fewer will do once the window has passed. */
const SAMPLES = 50;
/** How many responses the normal latency is a mean of. */
const LONG_SAMPLES = 600;
/** Steps there can be in a window, errors that it takes for a share, and cuts that errors can make in it. */
const STEPS_PER_WINDOW = 50;
const CUTS_PER_WINDOW = 2;
const MINIMUM_RESULTS = 10;
/** Up to so much above normal, latency is normal itself, and the mean follows. */
const NORMAL = 1.1;
/** What the limit falls to for a look at how the upstream responds with less to do. */
const DIP = 0.8;
/** How far the limit has to fall by itself before it is judged what that was good for: further, because all else changes as well. */
const FALL = 0.65;
/** Of the latency before: if it is still longer, with that many calls fewer, then it is not they who wait. */
const RELIEF = 0.9;
/** A look that finds latency lower than normal by this share is followed by another one so many times sooner. */
const OFF = 0.03;
const SOONER = 5;
/** Below the clock's resolution all responses are the same. */
const SHORTEST_MS = 0.1;

/** How far a look has come: in the first step the line that was there before still drains. */
type Dip = { readonly fromLimit: number; readonly fromMs: number; readonly hasDrained: boolean };

/**
 * Two rules: the share of errors halves the limit or lets it grow (AIMD, as in TCP), and Gradient2 fits it to latency.
 *
 * Gradient2 compares with a long mean, which under steady overload learns the queue as the normal thing, and lets it grow.
 * So this mean learns from calm times only, and is put right by looking: whenever the limit has fallen by a third,
 * because latency rose, or once per window for two steps while calls wait for slots. If latency fell with it, it was a queue;
 * if not, the upstream has become slower by itself, and that is its normal from now on.
 *
 * Latency is averaged by its logarithm, in which a few slow calls of another kind weigh little.
 */
export class AdaptiveLimit {
  #options: AdaptiveLimitOptions;
  readonly #clock: Clock;
  #limit: number;
  #results: SlidingWindow;
  #nextCutMs = 0;
  /** Since the last step. */
  #sinceMs: number;
  #logSum = 0;
  #samples = 0;
  #peak = 0;
  /** Normal latency, ms; 0 before the first step. */
  #longMs = 0;
  /** Where the present fall began, and the longest latency since. */
  #fallLimit: number;
  #fallMs = 0;
  #dip: Dip | undefined;
  #nextDipMs: number;

  constructor(options: AdaptiveLimitOptions, initial: number, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
    this.#limit = clamp(initial, options);
    this.#fallLimit = this.#limit;
    this.#results = new SlidingWindow(options.window);
    this.#sinceMs = clock.now();
    this.#nextDipMs = this.#sinceMs + options.window;
  }

  /** A whole number, within `min` and `max`. */
  get limit(): number {
    return Math.floor(this.#limit);
  }

  /** Goes on from where it is, within the new bounds. */
  configure(options: AdaptiveLimitOptions): void {
    if (options.window !== this.#options.window) this.#results = new SlidingWindow(options.window);
    this.#options = options;
    this.#limit = clamp(this.#limit, options);
  }

  /** A first attempt got a good response `headMs` after it began: back-off and our own queue are not in that. */
  observeLatency(headMs: number, inFlight: number): void {
    this.#logSum += Math.log(Math.max(headMs, SHORTEST_MS));
    this.#samples += 1;
    if (inFlight > this.#peak) this.#peak = inFlight;
  }

  /** An exchange is over; of its attempts, those that say something of the upstream count. */
  observeResults(results: readonly AttemptResult[]): void {
    const nowMs = this.#clock.now();
    for (const result of results) {
      if (result !== 'cancelled') this.#results.record(nowMs, result !== 'success', false);
    }
    const { window } = this.#options;
    const elapsedMs = nowMs - this.#sinceMs;
    if (elapsedMs < window / STEPS_PER_WINDOW) return;
    this.#cutOnErrors(nowMs);
    // Two round trips: a step has to see what became of the one before.
    const isDue = this.#samples >= SAMPLES ? elapsedMs >= 2 * this.#meanMs() : elapsedMs >= window;
    if (!isDue) return;
    if (this.#samples > 0) this.#step(nowMs, this.#meanMs());
    this.#restart(nowMs);
  }

  #meanMs(): number {
    return Math.exp(this.#logSum / this.#samples);
  }

  #restart(nowMs: number): void {
    this.#sinceMs = nowMs;
    this.#logSum = this.#samples = this.#peak = 0;
  }

  #cutOnErrors(nowMs: number): void {
    const { decreaseAbove, window } = this.#options;
    const { total, failures } = this.#results.counts(nowMs);
    if (total < MINIMUM_RESULTS || nowMs < this.#nextCutMs) return;
    if (failures <= decreaseAbove * total) return;
    this.#dip = undefined;
    this.#moveTo(this.#limit / 2);
    this.#beginFall(0);
    // Calls of before the cut still end, and must not be taken for its result.
    this.#results.clear();
    this.#nextCutMs = nowMs + window / CUTS_PER_WINDOW;
    this.#restart(nowMs);
  }

  #step(nowMs: number, shortMs: number): void {
    if (this.#dip !== undefined) return this.#endDip(this.#dip, nowMs, shortMs);
    const isIdle = this.#peak < this.#limit / 2;
    this.#learnNormal(shortMs, isIdle);
    if (this.#peak >= this.limit && nowMs >= this.#nextDipMs) {
      this.#dip = { fromLimit: this.#limit, fromMs: shortMs, hasDrained: false };
      this.#moveTo(this.#limit * DIP);
      return;
    }
    const isCalm = shortMs < this.#longMs * NORMAL;
    const queue = isCalm ? QUEUE : Math.min(QUEUE, this.#limit * QUEUE_SHARE);
    const options = { tolerance: TOLERANCE, queue, smoothing: SMOOTHING };
    const next = stepGradient(this.#limit, shortMs, this.#longMs, this.#peak, options);
    const { total, failures } = this.#results.counts(nowMs);
    const mayGrow = total < MINIMUM_RESULTS || failures < this.#options.increaseBelow * total;
    if (next > this.#limit && !mayGrow) return;
    this.#moveTo(next);
    this.#judgeFall(shortMs);
  }

  #learnNormal(shortMs: number, isIdle: boolean): void {
    if (this.#longMs === 0) this.#longMs = shortMs;
    else if (isIdle || shortMs < this.#longMs * NORMAL) {
      const weight = Math.min(1, this.#samples / LONG_SAMPLES);
      this.#longMs += weight * (shortMs - this.#longMs);
    }
  }

  #judgeFall(shortMs: number): void {
    if (this.#limit >= this.#fallLimit) return this.#beginFall(shortMs);
    this.#fallMs = Math.max(this.#fallMs, shortMs);
    if (this.#limit > this.#fallLimit * FALL) return;
    if (shortMs > this.#fallMs * RELIEF) this.#longMs = shortMs;
    this.#beginFall(shortMs);
  }

  #beginFall(shortMs: number): void {
    this.#fallLimit = this.#limit;
    this.#fallMs = shortMs;
  }

  #endDip(dip: Dip, nowMs: number, shortMs: number): void {
    if (!dip.hasDrained) {
      this.#dip = { ...dip, hasDrained: true };
      return;
    }
    this.#dip = undefined;
    const { window } = this.#options;
    const isLower = shortMs < this.#longMs * (1 - OFF);
    this.#nextDipMs = nowMs + (isLower ? window / SOONER : window);
    if (isLower || shortMs > dip.fromMs * RELIEF) this.#longMs = shortMs;
    // What was taken for normal had a queue in it already: stay here, and look for the end of it.
    if (isLower) this.#beginFall(shortMs);
    else this.#moveTo(dip.fromLimit);
  }

  #moveTo(limit: number): void {
    this.#limit = clamp(limit, this.#options);
  }
}

function clamp(limit: number, { min, max }: AdaptiveLimitOptions): number {
  return Math.min(max, Math.max(min, limit));
}
