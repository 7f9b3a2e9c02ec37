/** The way to a Redis cluster: the client asks the node that has the key, and follows keys that move. */
import type { Clock, Timer } from '../core/clock.js';
import { createRedisCluster, reconnectDelay, type RedisCluster } from './redis-client.js';
import {
  commandError,
  messageOf,
  nameServer,
  type ConnectionEvents,
  type RedisConnection,
} from './redis-connection.js';

export interface ClusterOptions {
  readonly urls: readonly string[];
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly clock: Clock;
}

export class ClusterConnection implements RedisConnection {
  readonly #options: ClusterOptions;
  readonly #events: ConnectionEvents;
  readonly #cluster: RedisCluster;
  readonly #names: string;
  /** What the last attempt to find the cluster failed with. */
  #lastError = '';
  #attempts = 0;
  #timer: Timer | undefined;
  #isOver = false;

  constructor(options: ClusterOptions, events: ConnectionEvents) {
    this.#options = options;
    this.#events = events;
    this.#names = options.urls.map((url) => nameServer(url)).join(', ');
    this.#cluster = createRedisCluster(options.urls, options);
    // Unheard, an error event would end the process.
    this.#cluster.on('error', (error: unknown) => (this.#lastError = messageOf(error)));
    // A node that is away shows in the commands that it should have had.
    this.#cluster.on('node-error', () => {});
  }

  get isReady(): boolean {
    return this.#cluster.isReady;
  }

  open(): void {
    this.#cluster.connect().then(
      () => this.#isOver || this.#events.onReady(),
      (error: unknown) => this.#openLater(messageOf(error)),
    );
  }

  /** The client gives up when none of the URLs leads to a node of a cluster. */
  #openLater(why: string): void {
    if (this.#isOver) return;
    const cause = this.#lastError === '' ? why : this.#lastError;
    this.#events.onLost(commandError('CLUSTER SLOTS', this.#names, cause).message);
    this.#timer = this.#options.clock.schedule(reconnectDelay(this.#attempts++), () => this.open());
  }

  close(): void {
    this.#end();
    this.#cluster.close().catch(() => {});
  }

  destroy(): void {
    this.#end();
    this.#cluster.destroy();
  }

  #end(): void {
    this.#isOver = true;
    this.#timer?.cancel();
  }

  /** The client finds out by itself. */
  relocate(): boolean {
    return true;
  }

  async get(key: string): Promise<Buffer | undefined> {
    return (await this.#run('GET', key, this.#cluster.get(key))) ?? undefined;
  }

  async set(key: string, value: Buffer, px: number, onlyIfAbsent = false): Promise<boolean> {
    const options = onlyIfAbsent ? ({ PX: px, NX: true } as const) : { PX: px };
    return (await this.#run('SET', key, this.#cluster.set(key, value, options))) !== null;
  }

  eval(script: string, keys: readonly string[], args: readonly (string | Buffer)[]) {
    const sent = this.#cluster.eval(script, { keys: [...keys], arguments: [...args] });
    return this.#run('EVAL', keys[0]!, sent);
  }

  /** One node that responds will do: the others show in the commands that they should have had. */
  ping(): Promise<unknown> {
    const connected = this.#cluster.masters.flatMap(({ client }) =>
      client?.isReady === true ? [client.ping()] : [],
    );
    return connected.length === 0 ? this.#cluster.ping() : Promise.any(connected);
  }

  async #run<T>(command: string, key: string, reply: Promise<T>): Promise<T> {
    try {
      return await reply;
    } catch (error) {
      throw commandError(command, await this.#nameNodeOf(key), error);
    }
  }

  /** The node that has the key, as far as that can be told. */
  async #nameNodeOf(key: string): Promise<string> {
    try {
      const slot = await this.#cluster.clusterKeySlot(key);
      return this.#cluster.slots[slot]!.master.address;
    } catch {
      return `the cluster of ${this.#names}`;
    }
  }
}
