/** The way to a Redis server, which may be away, slow, full, or no longer the one to write to. */
import type { Clock, Timer } from '../core/clock.js';
import { StoreClosedError } from '../core/store.js';
import { LateError, waitFor } from './patience.js';
import { isMisplaced, messageOf, type Connect, type RedisCommands } from './redis-connection.js';
import { RedisSuccession } from './redis-succession.js';

/** Between looks at a server that does not respond, in ms. */
const PROBE_MS = 250;

/** How long a start waits for the server, in ms: the first calls should find it, but it must not hold up the rest. */
const OPEN_MS = 1000;

export interface RedisLinkOptions {
  readonly connect: Connect;
  /** Longest wait for a response, in ms. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Once per change: why the store cannot be used, or undefined when it can. */
  readonly onChange: (why: string | undefined) => void;
  /**
   * How long operations must succeed before the store is said to be well again, in ms. Of several servers some may be
   * well while others are not.
   */
  readonly calmMs?: number;
}

/**
 * A late operation makes this look how the server is. While the server does not respond to that either, or there is no
 * connection, operations fail at once: so an outage delays the calls that notice it, and no others. Where the server
 * responds with an error it is asked each time: that costs little, and shows when it is over.
 */
export class RedisLink {
  readonly #options: RedisLinkOptions;
  #timeoutMs: number;
  readonly #connections: RedisSuccession;
  /** Why it is not asked at present. */
  #silence: string | undefined = 'it is not connected yet';
  /** What the last operation of each kind failed with. */
  #readTrouble: string | undefined;
  #writeTrouble: string | undefined;
  #troubledAtMs = -Infinity;
  /** What was told last; undefined until it is known. */
  #told: { readonly why: string | undefined } | undefined;
  #probe: Timer | undefined;
  #isProbing = false;
  #isClosed = false;
  #onKnown: () => void = () => {};

  constructor(options: RedisLinkOptions) {
    this.#options = options;
    this.#timeoutMs = options.timeoutMs;
    this.#connections = new RedisSuccession({
      connect: options.connect,
      clock: options.clock,
      onReady: () => this.#lookLater(0),
      onLost: (why) => this.#silenceFor(why),
    });
  }

  open(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.schedule(OPEN_MS, resolve);
      this.#onKnown = () => {
        timer.cancel();
        resolve();
      };
      this.#connections.current.open();
    });
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#probe?.cancel();
    this.#connections.destroy();
    return Promise.resolve();
  }

  /** For operations from now on. */
  setTimeout(timeoutMs: number): void {
    this.#timeoutMs = timeoutMs;
  }

  read<T>(send: (client: RedisCommands) => Promise<T>): Promise<T> {
    return this.#ask(this.#sender(send), (why) => (this.#readTrouble = why));
  }

  /**
   * @param hasWritten whether such a result proves that the server has room, and may be written to.
   * @param maxWaitMs where that is shorter than what holds for all operations.
   */
  write<T>(
    send: (client: RedisCommands) => Promise<T>,
    hasWritten: (result: T) => boolean,
    maxWaitMs = Infinity,
  ): Promise<T> {
    return this.#write(this.#sender(send), hasWritten, maxWaitMs);
  }

  /** As `write`, on another way to the server. @param isOver the wait for it is over. */
  writeBy<T>(
    send: (isOver: () => boolean) => Promise<T>,
    hasWritten: (result: T) => boolean,
  ): Promise<T> {
    return this.#write(send, hasWritten, Infinity);
  }

  async #write<T>(
    send: (isOver: () => boolean) => Promise<T>,
    hasWritten: (result: T) => boolean,
    maxWaitMs: number,
  ): Promise<T> {
    const result = await this.#ask(send, (why) => (this.#writeTrouble = why), maxWaitMs);
    if (hasWritten(result) && this.#isCalm()) this.#writeTrouble = undefined;
    this.#tell();
    return result;
  }

  #isCalm(): boolean {
    const { clock, calmMs = 0 } = this.#options;
    return calmMs === 0 || clock.now() - this.#troubledAtMs >= calmMs;
  }

  #sender<T>(send: (client: RedisCommands) => Promise<T>): () => Promise<T> {
    return () => this.#sendOrConnectAnew(send);
  }

  async #ask<T>(
    send: (isOver: () => boolean) => Promise<T>,
    onTrouble: (why: string) => void,
    maxWaitMs = Infinity,
  ): Promise<T> {
    if (this.#isClosed) throw new StoreClosedError('it is closed');
    if (this.#silence !== undefined) throw new Error(this.#silence);
    let isOver = false;
    try {
      const result = await this.#inTime(
        send(() => isOver),
        maxWaitMs,
      );
      if (this.#isCalm()) this.#readTrouble = undefined;
      return result;
    } catch (error) {
      isOver = true;
      if (error instanceof LateError) this.#lookLater(0);
      else {
        this.#troubledAtMs = this.#options.clock.now();
        onTrouble(messageOf(error));
        this.#tell();
      }
      throw error;
    }
  }

  /** Where the server says that another one is to be asked, that one is, once it is connected. */
  async #sendOrConnectAnew<T>(send: (client: RedisCommands) => Promise<T>): Promise<T> {
    const client = this.#connections.current;
    try {
      return await send(client);
    } catch (error) {
      if (!isMisplaced(error)) throw error;
      await this.#connections.renew(this.#timeoutMs);
      const { current } = this.#connections;
      if (client === current) throw error;
      return send(current);
    }
  }

  #inTime<T>(reply: Promise<T>, maxWaitMs = Infinity): Promise<T> {
    return waitFor(reply, Math.min(this.#timeoutMs, maxWaitMs), this.#options.clock);
  }

  /** Asks the server whether it is well, again and again until it is; one question at a time. */
  async #look(): Promise<void> {
    if (this.#isProbing || this.#isClosed) return;
    this.#isProbing = true;
    const client = this.#connections.current;
    try {
      await this.#inTime(client.ping());
      if (this.#isClosed) return;
      this.#silence = undefined;
      this.#tell();
    } catch (error) {
      if (client === this.#connections.current) this.#silenceFor(messageOf(error));
      if (isMisplaced(error)) void this.#connections.renew(this.#timeoutMs);
      // Without a connection the next look comes with the next one.
      if (this.#connections.current.isReady) this.#lookLater(PROBE_MS);
    } finally {
      this.#isProbing = false;
    }
  }

  #lookLater(delayMs: number): void {
    if (this.#isClosed) return;
    this.#probe?.cancel();
    this.#probe = this.#options.clock.schedule(delayMs, () => void this.#look());
  }

  #silenceFor(why: string): void {
    if (this.#isClosed) return;
    this.#silence = why;
    this.#tell();
  }

  #tell(): void {
    if (this.#isClosed) return;
    const why = this.#silence ?? this.#writeTrouble ?? this.#readTrouble;
    const isNews = (why === undefined) !== (this.#told?.why === undefined);
    if (this.#told !== undefined && !isNews) return;
    this.#told = { why };
    this.#options.onChange(why);
    this.#onKnown();
  }
}
