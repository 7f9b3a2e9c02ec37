/** One name of an upstream's targets, and what each look-up of it says. */
import type { Clock } from '../../core/clock.js';
import type { EmitOf } from '../../core/events.js';
import type { Name } from '../../outbound/names/names.js';
import type { NameResolved } from '../instruments.js';

export interface FollowedNameContext {
  readonly clock: Clock;
  readonly emit: EmitOf<NameResolved>;
}

export class FollowedName {
  readonly name: string;
  readonly #source: Name;
  readonly #context: FollowedNameContext;
  /** Sorted: name servers change the order from response to response. */
  #addresses: readonly string[];
  #lookedUpMs = -Infinity;
  #running: Promise<boolean> | undefined;
  #hasFailed = false;

  /** @param isKnown the addresses that the source has may be used at once. */
  constructor(name: string, source: Name, context: FollowedNameContext, isKnown: boolean) {
    this.name = name;
    this.#source = source;
    this.#context = context;
    this.#addresses = isKnown ? addressesOf(source) : [];
    if (isKnown) this.#lookedUpMs = source.foundMs;
  }

  /** Of the last look-up that found some. */
  get addresses(): readonly string[] {
    return this.#addresses;
  }

  /** Why the last look-up found none, if it did not. */
  get error(): Error | undefined {
    return this.#source.error;
  }

  /** The last look-up is at least this long ago, in ms. */
  isOlder(ms: number, nowMs: number): boolean {
    return nowMs - this.#lookedUpMs >= ms;
  }

  /** One look-up at a time; never rejects. @returns whether the addresses are others than before. */
  look(): Promise<boolean> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #run(): Promise<boolean> {
    this.#lookedUpMs = this.#context.clock.now();
    await this.#source.refresh();
    const { error } = this.#source;
    const before = this.#addresses;
    const after = error === undefined ? addressesOf(this.#source) : before;
    const hasChanged = after.join() !== before.join();
    const isNews = (error !== undefined) !== this.#hasFailed || (hasChanged && before.length > 0);
    this.#addresses = after;
    this.#hasFailed = error !== undefined;
    this.#context.emit({
      type: 'name-resolved',
      name: this.name,
      result: error !== undefined ? 'failure' : hasChanged ? 'success' : 'unchanged',
      addresses: after,
      error,
      isNews,
    });
    return hasChanged;
  }
}

const addressesOf = ({ addresses }: Name) => addresses.map(({ address }) => address).toSorted();
