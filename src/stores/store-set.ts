/** The store in use, and those before it that calls from before a reload may still use. */
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../core/clock.js';
import type { OwnedStore } from '../core/store.js';
import { createStore } from './open.js';
import type { AdjustableStore, StoreOptions } from './options.js';

export interface StoreSetOptions {
  readonly clock: Clock;
  /** Once per change: why the store of that kind cannot be used, or undefined when it can. */
  readonly onChange: (kind: StoreOptions['kind'], why: string | undefined) => void;
}

/** A store that is open, but not yet the one in use. */
export interface PreparedStore {
  readonly store: OwnedStore;
  /** Puts it in use. @returns what closes the one before, once no call needs it; undefined where none was replaced. */
  commit(): (() => Promise<void>) | undefined;
  /** Gives it up; the one in use stays. */
  abort(): Promise<void>;
}

export class StoreSet {
  readonly #options: StoreSetOptions;
  readonly #open = new Set<OwnedStore>();
  #current: { readonly store: AdjustableStore; readonly options: StoreOptions } | undefined;

  constructor(options: StoreSetOptions) {
    this.#options = options;
  }

  /** The store in use, where nothing has changed about it, or else a new one. */
  async prepare(options: StoreOptions): Promise<PreparedStore> {
    const current = this.#current;
    if (current !== undefined && isDeepStrictEqual(current.options, options)) {
      return { store: current.store, commit: () => undefined, abort: async () => {} };
    }
    const adjust = current?.store.adjustmentTo(options);
    if (current !== undefined && adjust !== undefined) {
      const { store } = current;
      const commit = (): undefined => {
        adjust();
        this.#current = { store, options };
      };
      return { store, commit, abort: async () => {} };
    }
    const { clock, onChange } = this.#options;
    const store = await createStore(options, {
      clock,
      onChange: (why) => onChange(options.kind, why),
    });
    this.#open.add(store);
    await store.open();
    return {
      store,
      commit: () => {
        this.#current = { store, options };
        return current && (() => this.#close(current.store));
      },
      abort: () => this.#close(store),
    };
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#open].map((store) => this.#close(store)));
  }

  /** Closes it, but only once. */
  async #close(store: OwnedStore): Promise<void> {
    if (this.#open.delete(store)) await store.close();
  }
}
