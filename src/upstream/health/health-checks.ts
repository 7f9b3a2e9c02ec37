/** Checks endpoints regularly, each by itself. */
import type { Clock, Random, Timer } from '../../core/clock.js';
import type { HealthCheckOptions } from './options.js';

/**
 * Makes one check.
 * @param done is called once at most, and not after `cancel`: with the reason of the failure, or undefined for a success.
 *   With `isNeutral` the check could not be made, and says nothing about the endpoint.
 */
export type Probe = (
  address: string,
  done: (error: string | undefined, isNeutral?: boolean) => void,
) => { cancel(): void };

export type Stop = () => void;

export interface ChecksContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly probe: Probe;
  /** @param error why the check failed; undefined for a success. */
  onResult(address: string, error: string | undefined): void;
}

/** The first check comes this soon, in ms, at a random time: an endpoint that is down should be known quickly. */
const FIRST_WITHIN_MS = 1000;

/** Times between checks vary by this share, so that checks of many endpoints spread out. */
const JITTER = 0.1;

export class HealthChecks {
  readonly #options: HealthCheckOptions;
  readonly #context: ChecksContext;
  readonly #running = new Set<EndpointChecks>();

  constructor(options: HealthCheckOptions, context: ChecksContext) {
    this.#options = options;
    this.#context = context;
  }

  /** @returns ends the checks of this endpoint. */
  start(address: string): Stop {
    const checks = new EndpointChecks(address, this.#options, this.#context);
    this.#running.add(checks);
    return () => {
      this.#running.delete(checks);
      checks.stop();
    };
  }

  close(): void {
    for (const checks of this.#running) checks.stop();
    this.#running.clear();
  }
}

/** The checks of one endpoint, one at a time. */
class EndpointChecks {
  readonly #address: string;
  readonly #options: HealthCheckOptions;
  readonly #context: ChecksContext;
  #timer: Timer;
  #check: { cancel(): void } | undefined;
  #startedMs = 0;
  /** Of the check that runs; results of others are late. */
  #number = 0;

  constructor(address: string, options: HealthCheckOptions, context: ChecksContext) {
    this.#address = address;
    this.#options = options;
    this.#context = context;
    const firstMs = context.random() * Math.min(options.interval, FIRST_WITHIN_MS);
    this.#timer = context.clock.schedule(firstMs, this.#run);
  }

  stop(): void {
    this.#number += 1;
    this.#timer.cancel();
    this.#check?.cancel();
    this.#check = undefined;
  }

  readonly #run = (): void => {
    const { clock, probe } = this.#context;
    const { timeout } = this.#options;
    this.#startedMs = clock.now();
    this.#number += 1;
    const number = this.#number;
    this.#timer = clock.schedule(timeout, () => {
      this.#check?.cancel();
      this.#end(`it did not respond within ${timeout} ms`, false);
    });
    const check = probe(this.#address, (error, isNeutral = false) => {
      if (number === this.#number) this.#end(error, isNeutral);
    });
    // It may have ended already.
    if (number === this.#number) this.#check = check;
  };

  #end(error: string | undefined, isNeutral: boolean): void {
    const { clock, random } = this.#context;
    this.#number += 1;
    this.#timer.cancel();
    this.#check = undefined;
    const gapMs = this.#options.interval * (1 - JITTER + 2 * JITTER * random());
    // From start to start, so that slow checks are not fewer.
    const delayMs = Math.max(0, this.#startedMs + gapMs - clock.now());
    this.#timer = clock.schedule(delayMs, this.#run);
    if (!isNeutral) this.#context.onResult(this.#address, error);
  }
}
