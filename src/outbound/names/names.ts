/** The addresses of names: each name is looked up once at a time, for all upstreams together. */
import type { Clock, Timer } from '../../core/clock.js';
import type { Lookup, NameAddress } from './lookup.js';

/** After this long in use, a name is looked up again in the background, in ms. */
const REFRESH_MS = 5000;

/** A result this fresh is used as it is, in ms: many connections may be opened at the same time. */
const FRESH_MS = 500;

/** How long a new connection waits for a look-up where there is an older result, in ms. */
const PATIENCE_MS = 100;

/** An address is gone once no look-up has had it for this long, in ms: more than one look-up must lack it. */
const GONE_MS = REFRESH_MS + 3000;

export type OnAddresses = (error: Error | undefined, addresses: readonly NameAddress[]) => void;

/** One name and what is known of it. */
export class Name {
  readonly #name: string;
  readonly #clock: Clock;
  readonly #lookup: Lookup;
  /** Of the last look-up that found some. */
  #addresses: readonly NameAddress[] = [];
  /** When a look-up last had the address, by address; kept until it is gone. */
  readonly #seenMs = new Map<string, number>();
  /** How many connections have been given the last result. */
  #uses = 0;
  #askedMs = -Infinity;
  #foundMs = -Infinity;
  /** The look-up that is under way. */
  #running: Promise<void> | undefined;
  #error: Error | undefined;

  constructor(name: string, clock: Clock, lookup: Lookup) {
    this.#name = name;
    this.#clock = clock;
    this.#lookup = lookup;
  }

  /** Of the last look-up that found some. */
  get addresses(): readonly NameAddress[] {
    return this.#addresses;
  }

  /** Why the last look-up found none, if it did not. */
  get error(): Error | undefined {
    return this.#error;
  }

  /** When the addresses were found, in monotonic ms; -Infinity before. */
  get foundMs(): number {
    return this.#foundMs;
  }

  /** Looks it up, unless it has just been found. Resolves when that has ended, however; never rejects. */
  async refresh(): Promise<void> {
    if (this.#clock.now() - this.#foundMs >= FRESH_MS) await this.#ask();
  }

  /** Look-ups no longer have this address, although they had it before. */
  isGone(address: string): boolean {
    return !this.#seenMs.has(address);
  }

  /** To be called at each use: busy connections must learn of a changed address too. */
  touch(nowMs: number): void {
    if (nowMs - this.#askedMs >= REFRESH_MS) void this.#ask();
  }

  /** Tells the addresses: from a look-up of now, unless it fails or takes long and there is an older result. */
  find(onAddresses: OnAddresses): void {
    const nowMs = this.#clock.now();
    if (nowMs - this.#foundMs < FRESH_MS) return onAddresses(undefined, this.#share());
    let timer: Timer | undefined;
    let isTold = false;
    const tell = (): void => {
      if (isTold) return;
      isTold = true;
      timer?.cancel();
      // A failure keeps what there was.
      onAddresses(this.#addresses.length === 0 ? this.#error : undefined, this.#share());
    };
    const running = this.#ask();
    if (this.#addresses.length > 0) {
      timer = this.#clock.schedule(Math.max(0, this.#askedMs + PATIENCE_MS - nowMs), tell);
    }
    void running.then(tell);
  }

  /** Connections that share a result begin at one address each, as they would with look-ups of their own. */
  #share(): readonly NameAddress[] {
    const all = this.#addresses;
    const first = all[0];
    // The system's preference for one family stays.
    const otherFamily = all.findIndex(({ family }) => family !== first?.family);
    const length = otherFamily === -1 ? all.length : otherFamily;
    const start = length < 2 ? 0 : this.#uses++ % length;
    return start === 0
      ? all
      : [...all.slice(start, length), ...all.slice(0, start), ...all.slice(length)];
  }

  /** Never rejects. */
  #ask(): Promise<void> {
    if (this.#running !== undefined) return this.#running;
    this.#askedMs = this.#clock.now();
    const running = this.#lookup(this.#name).then(
      (addresses) => this.#take(addresses),
      (error: Error) => this.#end(error),
    );
    this.#running = running;
    return running;
  }

  #take(addresses: readonly NameAddress[]): void {
    if (addresses.length === 0) {
      const error = new Error(`getaddrinfo ENODATA ${this.#name}`);
      return this.#end(Object.assign(error, { code: 'ENODATA' }));
    }
    const nowMs = this.#clock.now();
    this.#addresses = addresses;
    this.#foundMs = nowMs;
    this.#uses = 0;
    for (const { address } of addresses) this.#seenMs.set(address, nowMs);
    for (const [address, seenMs] of this.#seenMs) {
      if (nowMs - seenMs >= GONE_MS) this.#seenMs.delete(address);
    }
    this.#end(undefined);
  }

  #end(error: Error | undefined): void {
    this.#running = undefined;
    this.#error = error;
  }
}

/** All names of the process. */
export class Names {
  readonly #clock: Clock;
  readonly #lookup: Lookup;
  readonly #names = new Map<string, Name>();

  constructor(clock: Clock, lookup: Lookup) {
    this.#clock = clock;
    this.#lookup = lookup;
  }

  get(name: string): Name {
    let known = this.#names.get(name);
    if (known === undefined) {
      known = new Name(name, this.#clock, this.#lookup);
      this.#names.set(name, known);
    }
    return known;
  }
}
