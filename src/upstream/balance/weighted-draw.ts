/** Draws endpoints by weight: what all strategies fall back to. */
import type { Call } from '../../core/call.js';
import type { Random } from '../../core/clock.js';
import { AliasTable } from '../../lib/alias-table.js';
import type { Balanced } from './balancer.js';

/** So that a pick ends also where all endpoints start slowly: the last one drawn is taken then. */
const MAX_DRAWS = 16;
const NONE: readonly string[] = [];

/** @param tried the addresses that a call has tried: none at its first attempt. */
export const isTried = (tried: readonly string[], endpoint: Balanced): boolean =>
  tried.length > 0 && tried.includes(endpoint.address);

export class WeightedDraw<E extends Balanced> {
  readonly #random: Random;
  #endpoints: readonly E[] = [];
  #table = new AliasTable([1]);

  constructor(random: Random) {
    this.#random = random;
  }

  update(endpoints: readonly E[]): void {
    this.#endpoints = endpoints;
    if (endpoints.length > 0) this.#table = new AliasTable(endpoints.map(({ weight }) => weight));
  }

  /** Whether an endpoint that starts slowly takes a call that it was picked for. */
  accepts(endpoint: E, nowMs: number): boolean {
    const share = endpoint.shareAt(nowMs);
    return share >= 1 || this.#random() < share;
  }

  /** An endpoint that the call has not tried where there is one; undefined where there is no endpoint at all. */
  draw({ triedEndpoints }: Call, nowMs: number): E | undefined {
    if (this.#endpoints.length <= 1) return this.#endpoints[0];
    return (
      this.#drawBut(triedEndpoints, nowMs) ??
      this.#findBut(triedEndpoints) ??
      this.#drawBut(NONE, nowMs)
    );
  }

  /** Another endpoint, regardless of weight, which the call has not tried either; undefined where there is none. */
  drawOther(than: E, { triedEndpoints }: Call): E | undefined {
    const tried = isTried(triedEndpoints, than) ? NONE : triedEndpoints;
    return this.#findBut(tried, than);
  }

  /** @returns undefined where so many draws met none but `tried`. */
  #drawBut(tried: readonly string[], nowMs: number): E | undefined {
    let last: E | undefined;
    for (let i = 0; i < MAX_DRAWS; i++) {
      const endpoint = this.#endpoints[this.#table.draw(this.#random())]!;
      if (isTried(tried, endpoint)) continue;
      if (this.accepts(endpoint, nowMs)) return endpoint;
      last = endpoint;
    }
    return last;
  }

  /** Searches from a random place on. @returns undefined where all but `than` are in `tried`. */
  #findBut(tried: readonly string[], than?: E): E | undefined {
    const { length } = this.#endpoints;
    const start = Math.floor(this.#random() * length);
    for (let i = 0; i < length; i++) {
      const endpoint = this.#endpoints[(start + i) % length]!;
      if (endpoint !== than && !isTried(tried, endpoint)) return endpoint;
    }
    return undefined;
  }
}
