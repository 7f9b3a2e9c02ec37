/** The way to one Redis server, whose address stays the same. */
import { createRedisClient, type RedisClient } from './redis-client.js';
import {
  commandError,
  messageOf,
  nameServer,
  type ConnectionEvents,
  type RedisConnection,
} from './redis-connection.js';

export class ServerConnection implements RedisConnection {
  /** `host:port` */
  readonly server: string;
  readonly #client: RedisClient;
  #isOver = false;

  constructor(url: string, { onReady, onLost }: ConnectionEvents) {
    this.server = nameServer(url);
    this.#client = createRedisClient(url);
    // Unheard, an error event would end the process.
    this.#client.on('error', (error: unknown) => {
      if (!this.#isOver) onLost(`${this.server}: ${messageOf(error)}`);
    });
    this.#client.on('ready', () => {
      // The client completes a connection that was under way when it was ended.
      if (this.#isOver) this.#client.destroy();
      else onReady();
    });
  }

  get isReady(): boolean {
    return this.#client.isReady;
  }

  open(): void {
    // It goes on trying until it is closed, which ends it with an error.
    this.#client.connect().catch(() => {});
  }

  close(): void {
    if (!this.isReady) return this.destroy();
    this.#isOver = true;
    this.#client.close().catch(() => {});
  }

  destroy(): void {
    this.#isOver = true;
    if (this.#client.isOpen) this.#client.destroy();
  }

  relocate(): boolean {
    return false;
  }

  async get(key: string): Promise<Buffer | undefined> {
    return (await this.#run('GET', this.#client.get(key))) ?? undefined;
  }

  async set(key: string, value: Buffer, px: number, onlyIfAbsent = false): Promise<boolean> {
    const options = onlyIfAbsent ? ({ PX: px, NX: true } as const) : { PX: px };
    return (await this.#run('SET', this.#client.set(key, value, options))) !== null;
  }

  eval(script: string, keys: readonly string[], args: readonly (string | Buffer)[]) {
    const sent = this.#client.eval(script, { keys: [...keys], arguments: [...args] });
    return this.#run('EVAL', sent);
  }

  ping(): Promise<unknown> {
    return this.#run('PING', this.#client.ping());
  }

  /** Of the writes that were sent before it: @returns how many replicas have them, at the latest after `limitMs`. */
  wait(replicas: number, limitMs: number): Promise<number> {
    return this.#run('WAIT', this.#client.wait(replicas, limitMs));
  }

  /** Any command, with its reply in plain data. */
  send(...words: string[]): Promise<unknown> {
    return this.#run(words[0]!, this.#client.sendCommand(words));
  }

  async #run<T>(command: string, reply: Promise<T>): Promise<T> {
    try {
      return await reply;
    } catch (error) {
      throw commandError(command, this.server, error);
    }
  }
}
