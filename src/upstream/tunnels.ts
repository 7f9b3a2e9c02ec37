/** A connection after its upgrade: passes bytes both ways with back-pressure, and a half-close too, until both sides have ended. */
import type { Duplex } from 'node:stream';
import type { Clock, Timer } from '../core/clock.js';

export interface TunnelOptions {
  readonly clock: Clock;
  /** Longest silence of both sides together, in ms. */
  readonly idleMs: number | 'off';
  readonly onClose: () => void;
}

export class Tunnel {
  readonly #client: Duplex;
  readonly #upstream: Duplex;
  readonly #options: TunnelOptions;
  #lastMs: number;
  #timer: Timer | undefined;
  #closedSides = 0;

  /** Both sockets must allow half-open connections. */
  constructor(client: Duplex, upstream: Duplex, options: TunnelOptions) {
    this.#client = client;
    this.#upstream = upstream;
    this.#options = options;
    this.#lastMs = options.clock.now();
    this.#follow(client, upstream);
    this.#follow(upstream, client);
    if (options.idleMs !== 'off') this.#arm(options.idleMs);
    client.pipe(upstream);
    upstream.pipe(client);
  }

  /** Cuts both sides. */
  close(): void {
    this.#client.destroy();
    this.#upstream.destroy();
  }

  #follow(side: Duplex, other: Duplex): void {
    side.on('data', () => {
      this.#lastMs = this.#options.clock.now();
    });
    // The close that follows an error is all that matters.
    side.on('error', () => {});
    side.on('close', () => {
      this.#closedSides += 1;
      if (this.#closedSides === 1) return destroySoon(other);
      this.#timer?.cancel();
      this.#options.onClose();
    });
  }

  #arm(delayMs: number): void {
    this.#timer = this.#options.clock.schedule(delayMs, this.#onTimer);
  }

  readonly #onTimer = (): void => {
    const { clock, idleMs } = this.#options;
    if (idleMs === 'off') return;
    const restMs = this.#lastMs + idleMs - clock.now();
    if (restMs > 0) this.#arm(restMs);
    else this.close();
  };
}

/** Ends a side once it has written what it still has. */
function destroySoon(side: Duplex): void {
  if (side.writable) side.end();
  if (side.writableFinished) side.destroy();
  else side.once('finish', () => side.destroy());
}

/** The tunnels of one upstream. */
export class Tunnels {
  readonly #open = new Set<Tunnel>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#open.size;
  }

  open(client: Duplex, upstream: Duplex, idleMs: number | 'off'): void {
    const tunnel = new Tunnel(client, upstream, {
      clock: this.#clock,
      idleMs,
      onClose: () => this.#open.delete(tunnel),
    });
    this.#open.add(tunnel);
  }

  closeAll(): void {
    for (const tunnel of this.#open) tunnel.close();
  }
}
