/** The end of a listener: each request that a client has sent by then still gets its response. */
import type { Server, Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../core/clock.js';
import type { Drain } from '../listener.js';
import type { ProtocolSide } from './protocol-side.js';

/** Time an idle connection stays open after its listener was told to end, in ms: a request may be on its way. */
const LINGER_MS = 250;

/** Longest time for the accept queue, in ms: it ends with the first quiet turn, but a busy machine takes long to that. */
const ACCEPT_MS = 2000;

/** A turn of Node's loop in which little was done, in ms. */
const QUIET_TURN_MS = 1;

export class Ending {
  readonly #server: Server;
  readonly #sides: readonly ProtocolSide[];
  readonly #clock: Clock;
  /** Open connections, and when each was accepted. */
  readonly #acceptedAt = new Map<Socket, number>();
  #accepted = 0;
  #drain: Drain | undefined;
  #isCut = false;

  /** @param sides of all protocols that the listener speaks. */
  constructor(server: Server, sides: readonly ProtocolSide[], clock: Clock) {
    this.#server = server;
    this.#sides = sides;
    this.#clock = clock;
    server.on('connection', (socket: Socket) => {
      this.#accepted += 1;
      this.#acceptedAt.set(socket, clock.now());
      socket.once('close', () => this.#acceptedAt.delete(socket));
    });
  }

  /** Each response closes its connection from now on. */
  get hasBegun(): boolean {
    return this.#drain !== undefined;
  }

  /** @param isLast whether the process ends: connections are then accepted for as long as idle ones stay open. */
  drain(isLast: boolean): Drain {
    if (this.#drain !== undefined) return this.#drain;
    let onEnd: () => void;
    const ended = new Promise<void>((resolve) => (onEnd = resolve));
    const endsAt = this.#clock.now() + LINGER_MS;
    const stopped = this.#stopAccepting(isLast ? endsAt : 0, () => onEnd());
    this.#drain = { stopped, ended };
    for (const side of this.#sides) side.drain();
    void stopped.then(() => this.#closeIdle(endsAt));
    return this.#drain;
  }

  /** Cuts all connections. */
  close(): Promise<void> {
    this.#isCut = true;
    const { ended } = this.drain(false);
    this.#stop();
    for (const side of this.#sides) side.closeAll();
    return ended;
  }

  async #stopAccepting(until: number, onEnd: () => void): Promise<void> {
    const server = this.#server;
    server.once('close', () => {
      for (const side of this.#sides) side.end();
      onEnd();
    });
    await this.#acceptWaiting();
    // Without a connection there is no client that would come back.
    if (this.#acceptedAt.size > 0 && this.#clock.now() < until) {
      await this.#sleepUntil(until);
      await this.#acceptWaiting();
    }
    this.#stop();
  }

  /** Those that the system has accepted, or the close would reset them: Node takes one per turn of its loop. */
  async #acceptWaiting(): Promise<void> {
    const until = this.#clock.now() + ACCEPT_MS;
    while (!this.#isCut && this.#clock.now() < until) {
      const [before, startedAt] = [this.#accepted, this.#clock.now()];
      await setImmediate();
      // In a long turn, more can have come after the system was asked.
      if (this.#accepted === before && this.#clock.now() - startedAt < QUIET_TURN_MS) return;
    }
  }

  #stop(): void {
    if (this.#server.listening) this.#server.close();
  }

  async #closeIdle(endsAt: number): Promise<void> {
    await this.#sleepUntil(endsAt);
    // Requests that have arrived are read first.
    await setImmediate();
    this.#closeUnneeded();
    if (this.#acceptedAt.size === 0) return;
    // Connections that were accepted last.
    await this.#sleepUntil(this.#clock.now() + LINGER_MS);
    await setImmediate();
    this.#closeUnneeded();
  }

  /** Those that are idle, and those that have not been used yet. */
  #closeUnneeded(): void {
    for (const side of this.#sides) side.closeIdle();
    const latest = this.#clock.now() - LINGER_MS;
    for (const [socket, acceptedAt] of this.#acceptedAt) {
      if (acceptedAt <= latest && socket.bytesRead === 0) socket.destroy();
    }
  }

  async #sleepUntil(time: number): Promise<void> {
    const ms = time - this.#clock.now();
    if (ms <= 0 || this.#isCut) return;
    await new Promise<void>((resolve) => void this.#clock.schedule(ms, resolve));
  }
}
