/** An upstream as queueing theory sees it: some servers, the time that each request takes one of them, and a line before them. */
import type { Attempt } from '../../src/core/attempt.js';
import type { Clock, Random } from '../../src/core/clock.js';
import type { CallFailure } from '../../src/core/errors.js';
import type { Emit } from '../../src/core/events.js';
import { attemptResult, classifyFailure, classifyStatus } from '../../src/core/outcome.js';
import type { AttemptStage } from '../../src/core/pipeline.js';
import type { Reply } from '../../src/core/reply.js';
import type { Sampler } from '../../src/simulation/chance.js';

export interface UpstreamModel {
  /** Requests worked on at once: with the mean of `serviceMs` they make the capacity. More wait, first in, first out. */
  readonly servers: number;
  /** How long a request keeps its server. */
  readonly serviceMs: Sampler;
  /** The network and what else does not depend on load; there and back, ms. */
  readonly latencyMs?: number;
  /** Requests that may wait; one more gets 503 at once. */
  readonly maxWaiting?: number;
  /** Share of requests that get 500, after their time. */
  readonly errorShare?: number;
  /**
   * Past the knee an upstream gets slower, not only its line longer (Gunther's contention): each request takes
   * 1 + thrash x waiting / servers as long.
   */
  readonly thrash?: number;
}

/** What the upstream has gone through so far. */
export interface UpstreamCounts {
  /** Requests it has taken in. */
  readonly requests: number;
  /** Server time spent, ms. */
  readonly workMs: number;
  /** The part of it that was for callers who had gone by the end. */
  readonly wastedMs: number;
  /** Time during which a whole round of requests, or more, waited inside, ms. */
  readonly overloadedMs: number;
}

/** One request inside; it stays until it is worked off, also where its caller has gone: the upstream is not told. */
interface Request {
  readonly isGone: () => boolean;
  readonly answer: (status: number) => void;
}

export class SimulatedUpstream implements AttemptStage {
  #model: UpstreamModel;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #emit: Emit;
  readonly #waiting: Request[] = [];
  #busy = 0;
  #requests = 0;
  #workMs = 0;
  #wastedMs = 0;
  #overloadedMs = 0;
  #sinceMs = 0;

  constructor(model: UpstreamModel, clock: Clock, random: Random, emit: Emit) {
    this.#model = model;
    this.#clock = clock;
    this.#random = random;
    this.#emit = emit;
  }

  /** What is being worked on ends as it began. */
  change(model: Partial<UpstreamModel>): void {
    this.#follow();
    this.#model = { ...this.#model, ...model };
    this.#startWaiting();
  }

  counts(): UpstreamCounts {
    this.#follow();
    return {
      requests: this.#requests,
      workMs: this.#workMs,
      wastedMs: this.#wastedMs,
      overloadedMs: this.#overloadedMs,
    };
  }

  run(attempt: Attempt): Promise<Reply> {
    const { call } = attempt;
    return new Promise((resolve, reject) => {
      const startMs = this.#clock.now();
      let isOver = false;
      const end = (status: number, error?: CallFailure): void => {
        if (isOver) return;
        isOver = true;
        attempt.enter('ended');
        const outcome = error === undefined ? classifyStatus(status) : classifyFailure(error);
        const result = attemptResult(outcome);
        call.results.push(result);
        const ranMs = this.#clock.now() - startMs;
        call.upstreamMs += ranMs;
        const { trace } = call;
        const isUpstreams = error !== undefined;
        const event = { result, error, isUpstreams, headersMs: ranMs, trace };
        this.#emit({ type: 'attempt-finished', ...event });
        if (error === undefined) resolve(completeReply(status));
        else reject(error);
      };
      attempt.onCancel((error) => end(0, error));
      attempt.enter('connecting');
      attempt.enter('waiting');
      this.#take({ isGone: () => isOver, answer: (status) => end(status) });
    });
  }

  refusal(): undefined {
    return undefined;
  }

  #take(request: Request): void {
    this.#requests += 1;
    const { servers, maxWaiting = Infinity, latencyMs = 0 } = this.#model;
    if (this.#busy >= servers && this.#waiting.length >= maxWaiting) {
      // The way there and back, but no work.
      this.#clock.schedule(latencyMs, () => request.answer(503));
      return;
    }
    this.#follow();
    this.#waiting.push(request);
    this.#startWaiting();
  }

  #startWaiting(): void {
    while (this.#busy < this.#model.servers && this.#waiting.length > 0) {
      this.#serve(this.#waiting.shift()!);
    }
  }

  #serve(request: Request): void {
    const { servers, serviceMs, latencyMs = 0, errorShare = 0, thrash = 0 } = this.#model;
    this.#busy += 1;
    const slower = 1 + (thrash * this.#waiting.length) / servers;
    const workMs = serviceMs(this.#random) * slower;
    const status = this.#random() < errorShare ? 500 : 200;
    this.#clock.schedule(workMs, () => {
      this.#follow();
      this.#busy -= 1;
      this.#workMs += workMs;
      if (request.isGone()) this.#wastedMs += workMs;
      if (latencyMs === 0) request.answer(status);
      else this.#clock.schedule(latencyMs, () => request.answer(status));
      this.#startWaiting();
    });
  }

  /** Counts the time since the last change of the line. */
  #follow(): void {
    const nowMs = this.#clock.now();
    if (this.#waiting.length >= this.#model.servers) this.#overloadedMs += nowMs - this.#sinceMs;
    this.#sinceMs = nowMs;
  }
}

/** Head and body in one. */
function completeReply(status: number): Reply {
  return {
    status,
    statusText: '',
    headers: [],
    outcome: classifyStatus(status),
    isComplete: true,
    attach: (sink) => sink.onEnd([]),
    resume: () => {},
    discard: () => {},
    abort: () => {},
    onFinished: (listener) => listener(undefined),
  };
}
