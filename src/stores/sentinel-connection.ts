/** The way to the primary that sentinels name. It follows a failover by itself. */
import type { Clock, Timer } from '../core/clock.js';
import { messageOf, type ConnectionEvents, type RedisConnection } from './redis-connection.js';
import { reconnectDelay } from './redis-client.js';
import type { Sentinels } from './sentinels.js';
import { ServerConnection } from './server-connection.js';

/** Between looks whether another server is the primary now, in ms. */
const LOOK_MS = 1000;

export interface SentinelConnectionOptions {
  readonly sentinels: Sentinels;
  /** The URL of a server at `host:port`. */
  readonly urlOf: (server: string) => string;
  readonly clock: Clock;
}

export class SentinelConnection implements RedisConnection {
  readonly #options: SentinelConnectionOptions;
  readonly #events: ConnectionEvents;
  #primary: ServerConnection | undefined;
  /** Of failures in a row to find the primary. */
  #failures = 0;
  #why = 'the sentinels have not named a primary yet';
  #timer: Timer | undefined;
  #isLooking = false;
  #isOver = false;

  constructor(options: SentinelConnectionOptions, events: ConnectionEvents) {
    this.#options = options;
    this.#events = events;
  }

  get isReady(): boolean {
    return this.#primary?.isReady === true;
  }

  /** `host:port` of the server that is asked at present. */
  get server(): string | undefined {
    return this.#primary?.server;
  }

  open(): void {
    void this.#look();
  }

  close(): void {
    this.#end();
    this.#primary?.close();
  }

  destroy(): void {
    this.#end();
    this.#primary?.destroy();
  }

  #end(): void {
    this.#isOver = true;
    this.#timer?.cancel();
  }

  /** The sentinels are asked at once. */
  relocate(): boolean {
    void this.#look();
    return true;
  }

  async #look(): Promise<void> {
    if (this.#isLooking || this.#isOver) return;
    this.#isLooking = true;
    this.#timer?.cancel();
    let nextMs = LOOK_MS;
    try {
      const server = await this.#options.sentinels.findPrimary();
      this.#failures = 0;
      if (server !== this.#primary?.server) this.#moveTo(server);
    } catch (error) {
      this.#why = messageOf(error);
      // A primary that is there goes on without sentinels.
      if (!this.isReady && !this.#isOver) this.#events.onLost(this.#why);
      nextMs = Math.min(LOOK_MS, reconnectDelay(this.#failures++));
    }
    this.#isLooking = false;
    if (!this.#isOver) this.#timer = this.#options.clock.schedule(nextMs, () => void this.#look());
  }

  /** What was asked at the server before fails: its response would come from one that is no primary any more. */
  #moveTo(server: string): void {
    if (this.#isOver) return;
    this.#primary?.destroy();
    const primary = new ServerConnection(this.#options.urlOf(server), {
      onReady: () => this.#primary === primary && this.#events.onReady(),
      onLost: (why) => this.#primary === primary && this.#events.onLost(why),
    });
    this.#primary = primary;
    primary.open();
  }

  get(key: string) {
    return this.#at((primary) => primary.get(key));
  }

  set(key: string, value: Buffer, px: number, onlyIfAbsent?: boolean) {
    return this.#at((primary) => primary.set(key, value, px, onlyIfAbsent));
  }

  eval(script: string, keys: readonly string[], args: readonly (string | Buffer)[]) {
    return this.#at((primary) => primary.eval(script, keys, args));
  }

  ping() {
    return this.#at((primary) => primary.ping());
  }

  wait(replicas: number, limitMs: number) {
    return this.#at((primary) => primary.wait(replicas, limitMs));
  }

  #at<T>(send: (primary: ServerConnection) => Promise<T>): Promise<T> {
    return this.#primary === undefined ? Promise.reject(new Error(this.#why)) : send(this.#primary);
  }
}
