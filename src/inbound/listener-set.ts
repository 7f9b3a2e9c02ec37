/** The listeners that are open now, and the step from one set of them to the next without a gap. */
import type { Address } from '../core/model.js';
import type { Clock } from '../core/clock.js';
import type { Front, Listener, ListenerLimits } from './listener.js';
import type { Router } from './router.js';

export interface WantedListener {
  /** Of the upstream, or `server`. */
  readonly name: string;
  readonly address: Address;
}

export interface OpenListener extends WantedListener {
  readonly listener: Listener;
}

/** New listeners are open, and hold their requests; nothing else has changed. */
export interface PreparedListeners {
  /** Puts routers behind all listeners in one step, and drains those that are wanted no more. */
  commit(routerOf: (name: string) => Router, limits: ListenerLimits, graceMs: number): void;
  /** Closes the new ones again. */
  abort(): Promise<void>;
}

/** With port 0 each listener has an address of its own, and is known by its name. */
function keyOf({ name, address }: WantedListener): string {
  if (address.kind === 'unix') return address.path;
  return address.port === 0 ? `${name}@${address.host}` : `${address.host}:${address.port}`;
}

export class ListenerSet {
  readonly #front: Front;
  readonly #clock: Clock;
  readonly #draining = new Set<Listener>();
  #open = new Map<string, OpenListener>();

  constructor(front: Front, clock: Clock) {
    this.#front = front;
    this.#clock = clock;
  }

  list(): OpenListener[] {
    return [...this.#open.values()];
  }

  /**
   * Opens what is not open yet.
   * @param describe makes the error of an address that cannot be had. @throws it, with nothing changed.
   */
  async prepare(
    wanted: readonly WantedListener[],
    limits: ListenerLimits,
    describe: (wanted: WantedListener, cause: unknown) => Error,
  ): Promise<PreparedListeners> {
    const next = new Map<string, OpenListener>();
    const opened: Listener[] = [];
    const abort = async () => {
      for (const listener of opened) listener.destroy();
      await Promise.all(opened.map((listener) => listener.close()));
    };
    for (const each of wanted) {
      const key = keyOf(each);
      const { name } = each;
      const known = this.#open.get(key);
      if (known !== undefined) {
        next.set(key, { ...known, name });
        continue;
      }
      try {
        const listener = await this.#front.open(each.address, limits);
        opened.push(listener);
        next.set(key, { name, address: listener.address, listener });
      } catch (cause) {
        await abort();
        throw describe(each, cause);
      }
    }
    return {
      abort,
      commit: (routerOf, newLimits, graceMs) => {
        const before = this.#open;
        this.#open = next;
        for (const { name, listener } of next.values()) {
          listener.configure(newLimits);
          listener.setRouter(routerOf(name));
        }
        for (const [key, { listener }] of before)
          if (!next.has(key)) this.#drain(listener, graceMs);
      },
    };
  }

  /** Takes no more connections; resolves when those there were have ended. */
  async close(): Promise<void> {
    await Promise.all(this.list().map(({ listener }) => listener.close()));
  }

  /** Cuts what is still open, of listeners that drain too. */
  destroy(): void {
    for (const listener of this.#draining) listener.destroy();
    for (const { listener } of this.list()) listener.destroy();
  }

  #drain(listener: Listener, graceMs: number): void {
    const timer = this.#clock.schedule(graceMs, () => listener.destroy());
    this.#draining.add(listener);
    void listener.close().then(() => {
      timer.cancel();
      return this.#draining.delete(listener);
    });
  }
}
