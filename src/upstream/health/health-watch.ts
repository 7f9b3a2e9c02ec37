/** Ejects, drains and brings back the endpoints of one upstream. */
import type { Clock, Timer } from '../../core/clock.js';
import type { EmitOf } from '../../core/events.js';
import type { EndpointEvent } from '../instruments.js';
import { EndpointHealth, type HealthOwner } from './endpoint-health.js';
import type { HealthCheckOptions, HealthOptions } from './options.js';

export interface WatchContext {
  readonly clock: Clock;
  readonly emit: EmitOf<EndpointEvent>;
  /** The state of an endpoint has changed, otherwise than by `add`, `adopt` or `remove`. */
  onChange(): void;
}

/** What runs for one endpoint. */
interface Timers {
  ejection: Timer | undefined;
  drain: Timer | undefined;
}

/** Products of shares and numbers of endpoints are a little below the whole number that is meant. */
const ROUNDING = 1e-9;

export class HealthWatch implements HealthOwner {
  readonly #options: HealthOptions;
  readonly #context: WatchContext;
  readonly #watched = new Map<EndpointHealth, Timers>();
  /** Those that are ejected, drained ones included. */
  readonly #ejected = new Set<EndpointHealth>();
  #review: Timer | undefined;

  constructor(options: HealthOptions, context: WatchContext) {
    this.#options = options;
    this.#context = context;
  }

  /** @param isNew it appeared while others were there, so it starts slowly. */
  add(address: string, isNew: boolean): EndpointHealth {
    const health = new EndpointHealth(address);
    if (isNew) health.startSlowly(this.#context.clock.now());
    this.#take(health);
    return health;
  }

  /** At a reload: from the watch before. What is switched off now has no effect any more. */
  adopt(health: EndpointHealth): void {
    health.owner?.release(health);
    const timers = this.#take(health);
    this.#settle(health, () => {
      if (this.#options.healthCheck === 'off') health.forgetChecks();
      if (health.ejectedUntilMs === undefined) return;
      if (this.#options.ejection === 'off') health.endEjection(this.#context.clock.now());
      else this.#armReturn(health, timers, health.ejectedUntilMs);
    });
    this.#armDrain(health, timers);
    this.#reviewSoon();
  }

  remove(health: EndpointHealth): void {
    this.release(health);
    this.#reviewSoon();
  }

  release(health: EndpointHealth): void {
    const timers = this.#watched.get(health);
    if (timers === undefined) return;
    cancel(timers);
    this.#watched.delete(health);
    this.#ejected.delete(health);
    health.owner = undefined;
  }

  /**
   * How an attempt ended.
   * @param beganMs when the attempt began. What began before an ejection does not count after it.
   */
  report(health: EndpointHealth, isFailure: boolean, beganMs = Infinity): void {
    // Attempts outlive a reload: the watch of now has to know how they ended.
    if (health.owner !== this) return health.owner?.report(health, isFailure, beganMs);
    const { ejection } = this.#options;
    const counts = health.noteAttempt(isFailure, beganMs);
    if (!counts || !isFailure || ejection === 'off') return;
    const failures = health.consecutiveFailures;
    if (failures < ejection.consecutiveFailures || this.#ejected.size >= this.#mostEjected) return;
    this.#change(health, () => {
      const forMs = health.eject(ejection, this.#context.clock.now());
      this.#armReturn(health, this.#watched.get(health)!, health.ejectedUntilMs!);
      this.#context.emit({ type: 'endpoint-ejected', address: health.address, failures, forMs });
    });
  }

  /** @param forMs Infinity: until it is changed. */
  drain(health: EndpointHealth, forMs: number): void {
    const timers = this.#watched.get(health);
    if (timers === undefined) return;
    this.#change(health, () => {
      health.drain(this.#context.clock.now() + forMs);
      this.#armDrain(health, timers);
      this.#context.emit({ type: 'endpoint-drained', address: health.address, forMs });
    });
  }

  /** Ends a drain: from now on its health decides. */
  undrain(health: EndpointHealth): void {
    const timers = this.#watched.get(health);
    if (timers === undefined) return;
    timers.drain?.cancel();
    this.#change(health, () => health.endDrain());
  }

  /** @param error why the check failed; undefined for a success. */
  noteCheck(health: EndpointHealth, error: string | undefined, options: HealthCheckOptions): void {
    if (health.owner !== this) return;
    const { emit } = this.#context;
    emit({ type: 'health-checked', result: error === undefined ? 'success' : 'failure' });
    this.#change(health, () => {
      const failures = health.noteCheck(error !== undefined, options);
      if (failures === undefined || error === undefined) return;
      emit({ type: 'endpoint-unhealthy', address: health.address, failures, error });
    });
  }

  /** The upstream was replaced, or the process ends: states stay as they are. */
  close(): void {
    this.#review?.cancel();
    for (const health of this.#watched.keys()) this.release(health);
  }

  /** How many may be ejected at a time. */
  get #mostEjected(): number {
    const { ejection } = this.#options;
    const count = this.#watched.size;
    if (ejection === 'off' || count < 2) return 0;
    return Math.max(1, Math.floor(count * ejection.maxShare + ROUNDING));
  }

  #take(health: EndpointHealth): Timers {
    const timers: Timers = { ejection: undefined, drain: undefined };
    health.owner = this;
    health.slowStartMs = this.#options.slowStart;
    this.#watched.set(health, timers);
    return timers;
  }

  /** @returns whether its state is another one. */
  #settle(health: EndpointHealth, change: () => void): boolean {
    const before = health.state;
    change();
    const { state, address } = health;
    if (state === before) return false;
    if (state === 'available' && before !== 'available') {
      health.startSlowly(this.#context.clock.now());
      this.#context.emit({ type: 'endpoint-returned', address, from: before });
    }
    return true;
  }

  #change(health: EndpointHealth, change: () => void): void {
    if (this.#settle(health, change)) this.#context.onChange();
  }

  #return(health: EndpointHealth): void {
    this.#ejected.delete(health);
    this.#watched.get(health)?.ejection?.cancel();
    this.#change(health, () => health.endEjection(this.#context.clock.now()));
  }

  #armReturn(health: EndpointHealth, timers: Timers, untilMs: number): void {
    this.#ejected.add(health);
    const delayMs = untilMs - this.#context.clock.now();
    timers.ejection = this.#context.clock.schedule(delayMs, () => this.#return(health));
  }

  #armDrain(health: EndpointHealth, timers: Timers): void {
    timers.drain?.cancel();
    timers.drain = undefined;
    const untilMs = health.drainedUntilMs;
    if (untilMs === undefined || untilMs === Infinity) return;
    const delayMs = untilMs - this.#context.clock.now();
    timers.drain = this.#context.clock.schedule(delayMs, () => this.undrain(health));
  }

  /** There may be fewer endpoints than before: once all changes of now are made, those beyond the limit come back. */
  #reviewSoon(): void {
    if (this.#ejected.size <= this.#mostEjected || this.#review !== undefined) return;
    this.#review = this.#context.clock.schedule(0, () => {
      this.#review = undefined;
      const dueFirst = [...this.#ejected].toSorted((a, b) => a.ejectedUntilMs! - b.ejectedUntilMs!);
      const surplus = Math.max(0, dueFirst.length - this.#mostEjected);
      for (const health of dueFirst.slice(0, surplus)) this.#return(health);
    });
  }
}

function cancel({ ejection, drain }: Timers): void {
  ejection?.cancel();
  drain?.cancel();
}
