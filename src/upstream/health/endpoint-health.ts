/** What is known of the health of one endpoint. It goes on across reloads; `HealthWatch` has the rules and the timers. */
import type { EjectionOptions, HealthCheckOptions } from './options.js';

export type HealthState = 'available' | 'ejected' | 'unhealthy' | 'drained';

/** Who applies the rules to an endpoint: another one after a reload. */
export interface HealthOwner {
  report(health: EndpointHealth, isFailure: boolean, beganMs?: number): void;
  /** Another owner takes over. */
  release(health: EndpointHealth): void;
}

/** An endpoint that starts slowly begins with this share: without any it would never be chosen. */
const LEAST_SHARE = 0.01;

/** This many times `baseTime` without an ejection, and the next one counts as the first again. */
const FORGIVEN_AFTER = 5;

export class EndpointHealth {
  readonly address: string;
  owner: HealthOwner | undefined;
  /** As configured, in ms. */
  slowStartMs = 0;
  /** Failed attempts in a row. */
  #failures = 0;
  #ejectedUntilMs: number | undefined;
  /** In a row. */
  #ejections = 0;
  /** When the last ejection ended. */
  #returnedMs = -Infinity;
  #isUnhealthy = false;
  /** In a row. */
  #failedChecks = 0;
  #goodChecks = 0;
  /** Infinity: until an operator changes it. */
  #drainedUntilMs: number | undefined;
  /** When it was new, or last became available. */
  #availableSinceMs = -Infinity;

  constructor(address: string) {
    this.address = address;
  }

  get state(): HealthState {
    if (this.#drainedUntilMs !== undefined) return 'drained';
    if (this.#ejectedUntilMs !== undefined) return 'ejected';
    return this.#isUnhealthy ? 'unhealthy' : 'available';
  }

  get consecutiveFailures(): number {
    return this.#failures;
  }

  /** Undefined unless it is ejected, whatever else holds. */
  get ejectedUntilMs(): number | undefined {
    return this.#ejectedUntilMs;
  }

  /** Undefined unless it is drained. */
  get drainedUntilMs(): number | undefined {
    return this.#drainedUntilMs;
  }

  /** Until it has its whole share again; 0 unless it is ejected, drained with an end, or starts slowly. */
  backInMs(nowMs: number): number {
    const { state } = this;
    const untilMs =
      state === 'available'
        ? this.#availableSinceMs + this.slowStartMs
        : Math.max(this.#drainedUntilMs ?? 0, this.#ejectedUntilMs ?? 0);
    return untilMs === Infinity ? 0 : Math.max(0, Math.ceil(untilMs - nowMs));
  }

  /** Above 0 and up to 1: it grows linearly over `slowStart`. */
  shareAt(nowMs: number): number {
    const ageMs = nowMs - this.#availableSinceMs;
    return ageMs >= this.slowStartMs ? 1 : Math.max(LEAST_SHARE, ageMs / this.slowStartMs);
  }

  /** Its slow start begins. */
  startSlowly(nowMs: number): void {
    this.#availableSinceMs = nowMs;
  }

  /**
   * @param beganMs what began before the end of an ejection says nothing about the time after it.
   * @returns whether it counts.
   */
  noteAttempt(isFailure: boolean, beganMs: number): boolean {
    if (this.#ejectedUntilMs !== undefined || beganMs < this.#returnedMs) return false;
    this.#failures = isFailure ? this.#failures + 1 : 0;
    return true;
  }

  /** @returns for how long, in ms. */
  eject({ baseTime, maxTime }: EjectionOptions, nowMs: number): number {
    if (nowMs - this.#returnedMs >= FORGIVEN_AFTER * baseTime) this.#ejections = 0;
    this.#ejections += 1;
    const forMs = Math.min(maxTime, baseTime * this.#ejections);
    this.#ejectedUntilMs = nowMs + forMs;
    return forMs;
  }

  endEjection(nowMs: number): void {
    this.#ejectedUntilMs = undefined;
    this.#returnedMs = nowMs;
    this.#failures = 0;
  }

  drain(untilMs: number): void {
    this.#drainedUntilMs = untilMs;
  }

  endDrain(): void {
    this.#drainedUntilMs = undefined;
  }

  /** @returns how many checks in a row have failed, if it has become unhealthy by this one. */
  noteCheck(isFailure: boolean, options: HealthCheckOptions): number | undefined {
    if (!isFailure) {
      this.#failedChecks = 0;
      this.#goodChecks += 1;
      if (this.#goodChecks >= options.healthyAfter) this.#isUnhealthy = false;
      return undefined;
    }
    this.#goodChecks = 0;
    this.#failedChecks += 1;
    if (this.#isUnhealthy || this.#failedChecks < options.unhealthyAfter) return undefined;
    this.#isUnhealthy = true;
    return this.#failedChecks;
  }

  /** It counts as healthy until it is checked. */
  forgetChecks(): void {
    this.#isUnhealthy = false;
    this.#failedChecks = 0;
    this.#goodChecks = 0;
  }
}
