/** Counts calls together with other replicas: in the store, and while that is away here alone. */
import type { PolicyContext } from '../../core/policy.js';
import type { Limiter, Tally } from './limiter.js';

/** A call waits no longer for the store, in ms. */
export const MAX_WAIT_MS = 50;

/** After a failure calls are counted here for this long, in ms. Then one of them asks the store again. */
export const PAUSE_MS = 250;

export class SharedCount {
  readonly #limiter: Limiter;
  readonly #context: PolicyContext;
  /** While the store is not well: when it is asked again. */
  #pausedUntilMs: number | undefined;

  constructor(limiter: Limiter, context: PolicyContext) {
    this.#limiter = limiter;
    this.#context = context;
  }

  /** @param tallies which have room here. @returns whether the call may pass; it is then counted. */
  async count(tallies: readonly Tally[]): Promise<boolean> {
    const limiter = this.#limiter;
    const { clock, store } = this.#context;
    const isTrial = this.#pausedUntilMs !== undefined;
    if (isTrial && !this.#mayTry()) {
      limiter.count(tallies);
      return true;
    }
    const meters = tallies.map((tally) => this.#meterOf(tally));
    // Calls that come meanwhile are counted here, so this one is, too.
    if (isTrial) limiter.count(tallies);
    const askedAtMs = clock.now();
    try {
      const { isCounted, levels } = await store.meters.count(meters, MAX_WAIT_MS);
      this.#pausedUntilMs = undefined;
      limiter.learn(tallies, levels, askedAtMs);
      return isCounted;
    } catch {
      this.#pausedUntilMs = clock.now() + PAUSE_MS;
      if (isTrial) return true;
      // Others may have passed since the call came.
      if (limiter.arrive(tallies) > 0) return false;
      limiter.count(tallies);
      return true;
    }
  }

  /** One call at a time: those that come while it asks do not wait for it. */
  #mayTry(): boolean {
    const nowMs = this.#context.clock.now();
    if (nowMs < this.#pausedUntilMs!) return false;
    this.#pausedUntilMs = nowMs + MAX_WAIT_MS + PAUSE_MS;
    return true;
  }

  #meterOf(tally: Tally) {
    const { upstream, route, hash } = this.#context;
    const { key, limit } = tally;
    // In a cluster, what is in braces decides where a key lies: one script can only reach keys of one place.
    const name = `rate:{${upstream}/${route}}`;
    return {
      key: key === undefined ? name : `${name}:${hash(key)}`,
      limit,
      // The store may respond that much later, and must not count more than there was.
      atLeast: this.#limiter.levelOf(tally, MAX_WAIT_MS),
    };
  }
}
