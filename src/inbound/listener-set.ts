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
  /**
   * Puts routers behind all listeners in one step, and drains those that are wanted no more.
   * Resolves when these accept no more connections, so that their addresses can be used again.
   */
  commit(
    routerOf: (name: string) => Router,
    limits: ListenerLimits,
    graceMs: number,
  ): Promise<unknown>;
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
        const removed = [...before].filter(([key]) => !next.has(key));
        return Promise.all(removed.map(([, { listener }]) => this.#drain(listener, graceMs)));
      },
    };
  }

  /** The process ends: resolves when all connections have ended, none of which loses a request. */
  async drain(): Promise<void> {
    await Promise.all(this.list().map(({ listener }) => listener.drain(true).ended));
  }

  /** Cuts what is still open, of listeners that drain too. */
  async close(): Promise<void> {
    const open = this.list().map(({ listener }) => listener);
    await Promise.all([...this.#draining, ...open].map((listener) => listener.close()));
  }

  #drain(listener: Listener, graceMs: number): Promise<void> {
    const timer = this.#clock.schedule(graceMs, () => void listener.close());
    this.#draining.add(listener);
    const { stopped, ended } = listener.drain(false);
    void ended.then(() => {
      timer.cancel();
      return this.#draining.delete(listener);
    });
    return stopped;
  }
}
