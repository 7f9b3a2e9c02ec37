/** What replicas tell each other over a Redis: kept there until its end, so that a replica that starts late learns of it. */
import type { Clock, Timer } from '../core/clock.js';
import type { Notices } from '../core/store.js';
import type { RedisLink } from './redis-link.js';
import { readNotices, tell } from './redis-scripts.js';

/** Between looks, in ms: what is told must be known within 1 s. */
const LOOK_MS = 400;

interface Follower {
  readonly hear: (text: string, leftMs: number) => void;
  /** What it has heard last. */
  heard: string | undefined;
}

export interface RedisNoticesOptions {
  readonly link: RedisLink;
  /** Of the hash that has them all: one key, so that one server of a cluster has it. */
  readonly key: string;
  readonly clock: Clock;
}

export class RedisNotices implements Notices {
  readonly #options: RedisNoticesOptions;
  readonly #followers = new Map<string, Set<Follower>>();
  #timer: Timer | undefined;
  #isLooking = false;

  constructor(options: RedisNoticesOptions) {
    this.#options = options;
  }

  tell(name: string, text: string, ttlMs: number): void {
    const { link, key } = this.#options;
    const px = Math.max(1, Math.ceil(ttlMs));
    link
      .write(
        (client) => tell(client, key, name, text, px),
        () => true,
      )
      .catch(() => {});
  }

  follow(name: string, hear: Follower['hear']): () => void {
    const follower: Follower = { hear, heard: undefined };
    let known = this.#followers.get(name);
    if (known === undefined) this.#followers.set(name, (known = new Set()));
    known.add(follower);
    if (this.#timer === undefined && !this.#isLooking) this.#lookLater(0);
    return () => {
      known.delete(follower);
      if (known.size === 0 && this.#followers.get(name) === known) this.#followers.delete(name);
      if (this.#followers.size === 0) this.close();
    };
  }

  close(): void {
    this.#followers.clear();
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #lookLater(delayMs: number): void {
    this.#timer = this.#options.clock.schedule(delayMs, () => void this.#look());
  }

  async #look(): Promise<void> {
    const { link, key } = this.#options;
    this.#timer = undefined;
    this.#isLooking = true;
    // Where the store is away, each replica is by itself.
    const notices = await link.read((client) => readNotices(client, key)).catch(() => []);
    this.#isLooking = false;
    for (const { field, text, leftMs } of notices) {
      for (const follower of this.#followers.get(field) ?? []) {
        if (follower.heard === text) continue;
        follower.heard = text;
        follower.hear(text, leftMs);
      }
    }
    if (this.#followers.size > 0) this.#lookLater(LOOK_MS);
  }
}
