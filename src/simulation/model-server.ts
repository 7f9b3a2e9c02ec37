/** A server as queueing theory sees it: it works on some requests at once, each takes its time, and more wait in a line. */
import type { Clock, Random } from '../core/clock.js';
import type { Sampler } from './chance.js';
import type { ServedRequest, SimulatedServer } from './server.js';

export interface ServerModel {
  /** Requests worked on at once: with the mean of `serviceMs` they make the capacity. More wait, first in, first out. */
  readonly servers: number;
  /** How long a request keeps its place, ms. */
  readonly serviceMs: Sampler;
  /** The same for a request that brings its own time; undefined where it does not. */
  readonly ownServiceMs?: (request: ServedRequest) => number | undefined;
  /** How many times as long as usual a request takes. */
  readonly slowness?: number;
  /** The network and what else does not depend on load; there and back, ms. */
  readonly latencyMs?: number;
  /** Until a new connection is open, ms. */
  readonly connectMs?: number;
  /** Requests that may wait; one more gets 503 at once. */
  readonly maxWaiting?: number;
  /** Share of requests that get `errorStatus`, after their time. */
  readonly errorShare?: number;
  readonly errorStatus?: number;
  /** Share of requests whose connection breaks, after their time. */
  readonly resetShare?: number;
  /** Requests that get 500 although all others are well. */
  readonly isBroken?: (request: ServedRequest) => boolean;
  /**
   * Past the knee a server gets slower, not only its line longer (Gunther's contention): each request takes
   * 1 + thrash x waiting / servers as long.
   */
  readonly thrash?: number;
}

/**
 * `refusing`: it has been killed. `hanging`: it has been stopped, so connections to it open and requests to it wait.
 * `failing`: it responds to each request with 503, at once.
 */
export type Condition = 'up' | 'refusing' | 'hanging' | 'failing';

/** What a server has gone through so far. */
export interface ServerCounts {
  /** Attempts that were directed to it, whether it took them or not. */
  readonly attempts: number;
  /** Those of them that came while it was not up. */
  readonly deadAttempts: number;
  /** Server time spent, ms. */
  readonly workMs: number;
  /** The part of it that was for callers who had gone by the end. */
  readonly wastedMs: number;
  /** Time during which a whole round of requests, or more, waited inside, ms. */
  readonly overloadedMs: number;
}

/** What is on its way back to the proxy. */
interface Result {
  readonly request: ServedRequest;
  /** 0: the connection breaks. */
  readonly status: number;
}

const LENGTH_0 = ['Content-Length', '0'];

/** A request stays until it is worked off, also where its caller has gone: the server is not told. */
export class ModelServer implements SimulatedServer {
  readonly keepsConnections = true;
  readonly #clock: Clock;
  readonly #random: Random;
  #model: ServerModel;
  #condition: Condition = 'up';
  #generation = 0;
  readonly #inside = new Set<ServedRequest>();
  #waiting: ServedRequest[] = [];
  /** The first of the line; those before it have left. */
  #head = 0;
  /** Those that would have their response if it did not hang. */
  #held: Result[] = [];
  #busy = 0;
  #attempts = 0;
  #deadAttempts = 0;
  #workMs = 0;
  #wastedMs = 0;
  #overloadedMs = 0;
  #sinceMs = 0;

  constructor(model: ServerModel, clock: Clock, random: Random) {
    this.#model = model;
    this.#clock = clock;
    this.#random = random;
  }

  get generation(): number {
    return this.#generation;
  }

  get condition(): Condition {
    return this.#condition;
  }

  get model(): ServerModel {
    return this.#model;
  }

  /** What is being worked on ends as it began. */
  change(model: Partial<ServerModel>): void {
    this.#follow();
    this.#model = { ...this.#model, ...model };
    this.#startWaiting();
  }

  become(condition: Condition): void {
    this.#condition = condition;
    if (condition === 'refusing') this.#die();
    if (condition === 'up') for (const each of this.#held.splice(0)) this.#end(each);
  }

  counts(): ServerCounts {
    this.#follow();
    return {
      attempts: this.#attempts,
      deadAttempts: this.#deadAttempts,
      workMs: this.#workMs,
      wastedMs: this.#wastedMs,
      overloadedMs: this.#overloadedMs,
    };
  }

  serve(request: ServedRequest): void {
    this.#attempts += 1;
    if (this.#condition !== 'up') this.#deadAttempts += 1;
    const { connectMs = 0 } = this.#model;
    if (request.isReused) this.#receive(request);
    else this.#after(connectMs, () => this.#connect(request));
  }

  #connect(request: ServedRequest): void {
    if (this.#condition === 'refusing') request.refuse();
    else this.#receive(request);
  }

  #receive(request: ServedRequest): void {
    request.open(() => this.#take(request));
  }

  #take(request: ServedRequest): void {
    const { servers, maxWaiting = Infinity, latencyMs = 0 } = this.#model;
    this.#inside.add(request);
    const isFull = this.#busy >= servers && this.#lineLength >= maxWaiting;
    if (isFull || this.#condition === 'failing') {
      // The way there and back, but no work.
      this.#clock.schedule(latencyMs, () => this.#arrive({ request, status: 503 }));
      return;
    }
    this.#follow();
    this.#waiting.push(request);
    this.#startWaiting();
  }

  get #lineLength(): number {
    return this.#waiting.length - this.#head;
  }

  #startWaiting(): void {
    while (this.#busy < this.#model.servers && this.#lineLength > 0) {
      const request = this.#waiting[this.#head]!;
      this.#head += 1;
      // Taking the first out of a long array is slow.
      if (this.#head * 2 > this.#waiting.length) {
        this.#waiting = this.#waiting.slice(this.#head);
        this.#head = 0;
      }
      this.#work(request);
    }
  }

  #work(request: ServedRequest): void {
    const { servers, serviceMs, ownServiceMs, slowness = 1, latencyMs = 0 } = this.#model;
    const generation = this.#generation;
    this.#busy += 1;
    const thrash = 1 + ((this.#model.thrash ?? 0) * this.#lineLength) / servers;
    const ownMs = ownServiceMs?.(request);
    const workMs = (ownMs ?? serviceMs(this.#random)) * slowness * thrash;
    const status = this.#drawStatus(request);
    this.#clock.schedule(workMs, () => {
      this.#workMs += workMs;
      // It was lost with the process that had it.
      if (generation !== this.#generation) return;
      this.#follow();
      this.#busy -= 1;
      if (request.isGone) this.#wastedMs += workMs;
      this.#after(latencyMs, () => this.#arrive({ request, status }));
      this.#startWaiting();
    });
  }

  #drawStatus(request: ServedRequest): number {
    const { errorShare = 0, errorStatus = 500, resetShare = 0, isBroken } = this.#model;
    if (isBroken?.(request) === true) return 500;
    if (errorShare === 0 && resetShare === 0) return 200;
    const draw = this.#random();
    if (draw < errorShare) return errorStatus;
    return draw < errorShare + resetShare ? 0 : 200;
  }

  #arrive(result: Result): void {
    if (this.#condition === 'hanging') this.#held.push(result);
    else this.#end(result);
  }

  #end({ request, status }: Result): void {
    // False where the process that had the request is dead.
    if (!this.#inside.delete(request)) return;
    if (status === 0) request.reset();
    else request.respond({ status, headers: LENGTH_0 });
  }

  #die(): void {
    this.#follow();
    this.#generation += 1;
    this.#held = [];
    this.#waiting = [];
    this.#head = 0;
    this.#busy = 0;
    const lost = [...this.#inside];
    this.#inside.clear();
    for (const request of lost) request.reset();
  }

  #after(delayMs: number, then: () => void): void {
    if (delayMs === 0) then();
    else this.#clock.schedule(delayMs, then);
  }

  /** Counts the time since the last change of the line. */
  #follow(): void {
    const nowMs = this.#clock.now();
    if (this.#lineLength >= this.#model.servers) this.#overloadedMs += nowMs - this.#sinceMs;
    this.#sinceMs = nowMs;
  }
}
