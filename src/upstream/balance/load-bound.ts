/** Keeps one endpoint from getting much more than its share where most calls have few keys. */
import type { Balanced } from './balancer.js';

/** How much more than its share of the calls in flight an endpoint gets. */
const FACTOR = 1.25;
/** With so many endpoints, the calls in flight are counted for each pick; with more, at most once per `COUNT_MS`. */
const ALWAYS_COUNTED = 64;
const COUNT_MS = 1;

/** One endpoint at least has room for a further call: all bounds together are more than the calls in flight. */
export class LoadBound<E extends Balanced> {
  #endpoints: readonly E[] = [];
  #weight = 0;
  #active = 0;
  #countedAtMs = -Infinity;
  #isCounted = false;

  update(endpoints: readonly E[]): void {
    this.#endpoints = endpoints;
    this.#weight = endpoints.reduce((sum, { weight }) => sum + weight, 0);
  }

  /** To be called before the first `admits` of a pick. */
  begin(nowMs: number): void {
    this.#isCounted =
      this.#endpoints.length > ALWAYS_COUNTED && nowMs - this.#countedAtMs < COUNT_MS;
  }

  /** With one more call, the endpoint has at most ceil(1.25 x its share by weight) of those in flight. */
  admits(endpoint: E, nowMs: number): boolean {
    const { active } = endpoint;
    if (active === 0) return true;
    if (!this.#isCounted) this.#count(nowMs);
    // The same as active + 1 <= ceil(...), without the division.
    return active * this.#weight < FACTOR * endpoint.weight * (this.#active + 1);
  }

  /** A call was given to an endpoint: it counts although the endpoints are not counted again yet. */
  add(): void {
    this.#active++;
  }

  #count(nowMs: number): void {
    let active = 0;
    for (const endpoint of this.#endpoints) active += endpoint.active;
    this.#active = active;
    this.#countedAtMs = nowMs;
    this.#isCounted = true;
  }
}
