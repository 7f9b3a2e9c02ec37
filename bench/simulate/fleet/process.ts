/** One process of an upstream, as those see it that connect to its address. */
import type { Clock, Random } from '../../../src/core/clock.js';
import {
  NOT_CONNECTED,
  type Dispatched,
  type HttpClient,
  type OutboundRequest,
  type ResponseHandler,
} from '../../../src/outbound/client.js';
import type { Sampler } from '../chance.js';

/**
 * `refusing`: it has been killed. `hanging`: it has been stopped, so connections to it open and requests to it wait.
 * `failing`: it answers each request with 503, at once.
 */
export type Condition = 'up' | 'refusing' | 'hanging' | 'failing';

export interface ProcessModel {
  readonly serviceMs: Sampler;
  /** The way there and back; also what it takes to open a connection, ms. */
  readonly latencyMs: number;
}

/** A request that the process has, on a connection of its own. */
class Exchange implements Dispatched {
  readonly protocolVersion = '1.1';
  readonly hasSentAll = true;
  readonly handler: ResponseHandler;
  readonly isReused: boolean;
  readonly #keep: () => void;
  status = 200;

  constructor(handler: ResponseHandler, isReused: boolean, keep: () => void) {
    this.handler = handler;
    this.isReused = isReused;
    this.#keep = keep;
  }

  pause(): void {}
  resume(): void {}
  /** The process is not told, and works on. */
  destroy(): void {}

  answer(): void {
    const { handler, status } = this;
    if (handler.isOver) return;
    this.#keep();
    handler.onHead({ status, statusText: '', headers: ['Content-Length', '0'] });
    handler.onEnd([]);
  }

  reset(): void {
    const { handler, isReused } = this;
    if (handler.isOver) return;
    handler.onFailure(failure('read ECONNRESET', 'ECONNRESET'), {
      isConnected: true,
      sent: 'some',
      isReused,
      hasAnswerBegun: false,
    });
  }
}

export class SimulatedProcess {
  readonly model: ProcessModel;
  readonly clock: Clock;
  readonly #random: Random;
  #condition: Condition = 'up';
  /** How many times as long as usual a request takes. */
  #slowness = 1;
  readonly #exchanges = new Set<Exchange>();
  /** Those that would have been answered if it did not hang. */
  #held: Exchange[] = [];
  /** Connections end with the process: those of an earlier one are closed. */
  #incarnation = 0;
  #deadRequests = 0;

  constructor(model: ProcessModel, clock: Clock, random: Random) {
    this.model = model;
    this.clock = clock;
    this.#random = random;
  }

  get condition(): Condition {
    return this.#condition;
  }

  get incarnation(): number {
    return this.#incarnation;
  }

  /** Requests that were directed to it while it was not up. */
  get deadRequests(): number {
    return this.#deadRequests;
  }

  /** Requests that it works on from now on take this many times as long. */
  slowDown(times: number): void {
    this.#slowness = times;
  }

  become(condition: Condition): void {
    this.#condition = condition;
    if (condition === 'refusing') this.#die();
    if (condition === 'up') for (const each of this.#held.splice(0)) this.#end(each);
  }

  /** Opens a client of it. */
  connect(): HttpClient {
    return new ProcessClient(this);
  }

  noteRequest(): void {
    if (this.#condition !== 'up') this.#deadRequests += 1;
  }

  take(handler: ResponseHandler, isReused: boolean, keep: () => void): void {
    const exchange = new Exchange(handler, isReused, keep);
    handler.onStart(exchange);
    this.#exchanges.add(exchange);
    const isFailing = this.#condition === 'failing';
    if (isFailing) exchange.status = 503;
    const workMs = isFailing ? 0 : this.model.serviceMs(this.#random) * this.#slowness;
    this.clock.schedule(this.model.latencyMs + workMs, () => {
      if (this.#condition === 'hanging') this.#held.push(exchange);
      else this.#end(exchange);
    });
  }

  #end(exchange: Exchange): void {
    // False where the process that had the request is dead.
    if (this.#exchanges.delete(exchange)) exchange.answer();
  }

  #die(): void {
    this.#incarnation += 1;
    this.#held = [];
    const lost = [...this.#exchanges];
    this.#exchanges.clear();
    for (const exchange of lost) exchange.reset();
  }
}

/** Keeps connections for further requests, as the real client does. */
class ProcessClient implements HttpClient {
  readonly #process: SimulatedProcess;
  #idle = 0;
  #incarnation: number;

  constructor(process: SimulatedProcess) {
    this.#process = process;
    this.#incarnation = process.incarnation;
  }

  dispatch(_request: OutboundRequest, handler: ResponseHandler): void {
    const process = this.#process;
    process.noteRequest();
    this.#forgetClosed();
    if (this.#idle > 0) {
      this.#idle -= 1;
      return process.take(handler, true, this.#keeper());
    }
    process.clock.schedule(process.model.latencyMs, () => {
      if (handler.isOver) return;
      if (process.condition === 'refusing') {
        const error = failure('connect ECONNREFUSED', 'ECONNREFUSED');
        return handler.onFailure(error, NOT_CONNECTED);
      }
      process.take(handler, false, this.#keeper());
    });
  }

  release(): void {}
  destroy(): void {}

  #keeper(): () => void {
    const { incarnation } = this.#process;
    return () => {
      this.#forgetClosed();
      if (incarnation === this.#incarnation) this.#idle += 1;
    };
  }

  #forgetClosed(): void {
    const { incarnation } = this.#process;
    if (incarnation === this.#incarnation) return;
    this.#incarnation = incarnation;
    this.#idle = 0;
  }
}

const failure = (message: string, code: string): Error =>
  Object.assign(new Error(message), { code });
