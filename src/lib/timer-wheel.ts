/** Timers for calls, which mostly cancel them before they are due: setting and dropping one changes a few links only. */

/** A scheduled callback that has not run yet. */
export interface Timer {
  /** Drops the callback; does nothing when it has run or was dropped before. */
  cancel(): void;
}

/** Slots per level; a level's slot is as long as the whole level below. */
const SLOTS = 32;

/** Ticks of one slot, by level: 1 ms, 32 ms, 1 s, 33 s, 17 min, 9 h. */
const SPANS = [1, SLOTS, SLOTS ** 2, SLOTS ** 3, SLOTS ** 4, SLOTS ** 5] as const;

/** The farthest that the top level reaches, in ticks: 12 days. A timer that is due later is sorted in again by then. */
const REACH = SLOTS ** SPANS.length - 1;

/** What drives a wheel: a single timer of the host stands for all timers of the wheel. */
export interface WheelHost {
  /** Monotonic ms. */
  now(): number;
  /** Calls `wake` once, `delayMs` from now, in place of any call that is still to come. */
  wakeIn(delayMs: number): void;
  /** Whether anything is scheduled: a wheel of cancelled timers must not keep the process running. */
  setBusy(isBusy: boolean): void;
}

/** A timer in a slot, linked to its neighbours; a slot is the head of its own ring. */
class Link {
  next: Link = this;
  previous: Link = this;
}

class WheelTimer extends Link implements Timer {
  readonly dueTick: number;
  callback: (() => void) | undefined;
  level = 0;
  slot = 0;
  readonly #wheel: TimerWheel;

  constructor(wheel: TimerWheel, dueTick: number, callback: () => void) {
    super();
    this.#wheel = wheel;
    this.dueTick = dueTick;
    this.callback = callback;
  }

  cancel(): void {
    if (this.callback !== undefined) this.#wheel.drop(this);
  }
}

/**
 * A hierarchical timing wheel (Varghese and Lauck 1987, scheme 7) with ticks of 1 ms: far timers stand in coarse slots,
 * and move to finer ones as their time comes near. A timer is never early; it is late by a tick at most, plus what
 * the host is late.
 */
export class TimerWheel {
  readonly #host: WheelHost;
  readonly #slots: readonly (readonly Link[])[] = SPANS.map(() =>
    Array.from({ length: SLOTS }, () => new Link()),
  );
  /** A bit per slot that has timers. */
  readonly #occupied: number[] = SPANS.map(() => 0);
  /** All slots that begin up to this tick have been emptied. */
  #tick: number;
  #size = 0;
  /** When the host will call, in ticks. */
  #wakeTick = Infinity;
  /** The wheel is walking through the ticks up to now, which must not be skipped. */
  #isWaking = false;

  constructor(host: WheelHost) {
    this.#host = host;
    this.#tick = Math.floor(host.now());
  }

  /** Timers that have neither run nor been cancelled. */
  get size(): number {
    return this.#size;
  }

  /** @param callback as for `scheduleAt`. */
  schedule(delayMs: number, callback: () => void): Timer {
    return this.scheduleAt(this.#host.now() + delayMs, callback);
  }

  /**
   * @param atMs on the host's clock.
   * @param callback must not throw: that would leave timers of the same tick behind.
   */
  scheduleAt(atMs: number, callback: () => void): Timer {
    if (this.#size === 0) {
      // No timer was waiting for the ticks that have passed.
      if (!this.#isWaking) this.#tick = Math.max(this.#tick, Math.floor(this.#host.now()));
      this.#host.setBusy(true);
    }
    this.#size += 1;
    const timer = new WheelTimer(this, Math.ceil(atMs), callback);
    this.#wakeBy(this.#insert(timer));
    return timer;
  }

  /** Takes a timer out. */
  drop(timer: WheelTimer): void {
    this.#unlink(timer);
    timer.callback = undefined;
    this.#size -= 1;
    if (this.#size === 0) this.#host.setBusy(false);
  }

  /** Runs what is due, earliest first. The host calls it. */
  wake(): void {
    this.#wakeTick = Infinity;
    this.#isWaking = true;
    const nowTick = Math.floor(this.#host.now());
    for (let tick = this.#nextTick(); tick <= nowTick; tick = this.#nextTick()) {
      this.#reach(tick);
    }
    this.#isWaking = false;
    this.#wakeBy(this.#nextTick());
  }

  /** Empties the slots that begin at `tick`, the next one at which any does. */
  #reach(tick: number): void {
    // Found before the wheel has moved: after that, a slot that begins now is one of the next turn.
    const due = SPANS.map((_, level) => this.#nextTickOf(level) === tick);
    this.#tick = tick;
    for (const [level, span] of SPANS.entries()) {
      if (due[level] === true) this.#empty(level, Math.floor(tick / span) % SLOTS);
    }
  }

  /** Timers that are due run, the others move down. */
  #empty(level: number, slot: number): void {
    // The slot is emptied first: timers that callbacks set meanwhile may belong to the same slot, but are not due now.
    const ring = this.#take(level, slot);
    while (ring.next !== ring) {
      const timer = ring.next as WheelTimer;
      if (timer.dueTick > this.#tick) {
        this.#unlink(timer);
        this.#insert(timer);
        continue;
      }
      const { callback } = timer;
      this.drop(timer);
      callback!();
    }
  }

  /** A slot's timers, around a head of their own. */
  #take(level: number, slot: number): Link {
    const head = this.#slots[level]![slot]!;
    const ring = new Link();
    if (head.next === head) return ring;
    ring.next = head.next;
    ring.previous = head.previous;
    ring.next.previous = ring;
    ring.previous.next = ring;
    head.next = head;
    head.previous = head;
    this.#occupied[level]! &= ~(1 << slot);
    return ring;
  }

  /** @returns the tick at which its slot has to be emptied. */
  #insert(timer: WheelTimer): number {
    const atTick = Math.min(Math.max(timer.dueTick, this.#tick + 1), this.#tick + REACH);
    const distance = atTick - this.#tick;
    let level = 0;
    while (distance >= SPANS[level]! * SLOTS) level += 1;
    const slotNumber = Math.floor(atTick / SPANS[level]!);
    timer.level = level;
    timer.slot = slotNumber % SLOTS;
    const head = this.#slots[level]![timer.slot]!;
    timer.previous = head.previous;
    timer.next = head;
    head.previous.next = timer;
    head.previous = timer;
    this.#occupied[level]! |= 1 << timer.slot;
    return slotNumber * SPANS[level]!;
  }

  #unlink(timer: WheelTimer): void {
    const { next, previous } = timer;
    previous.next = next;
    next.previous = previous;
    // Otherwise an old timer would keep the timers that were once beside it alive.
    timer.next = timer;
    timer.previous = timer;
    const { level, slot } = timer;
    const head = this.#slots[level]![slot]!;
    if (head.next === head) this.#occupied[level]! &= ~(1 << slot);
  }

  /** When the next slot that has timers begins; Infinity for none. */
  #nextTick(): number {
    let nextTick = Infinity;
    for (let level = 0; level < SPANS.length; level++) {
      nextTick = Math.min(nextTick, this.#nextTickOf(level));
    }
    return nextTick;
  }

  #nextTickOf(level: number): number {
    const bits = this.#occupied[level]!;
    if (bits === 0) return Infinity;
    const span = SPANS[level]!;
    // The slot of now has been emptied: what is in it again is a whole turn away.
    const following = Math.floor(this.#tick / span) + 1;
    const from = following % SLOTS;
    const turned = from === 0 ? bits : (bits >>> from) | (bits << (SLOTS - from));
    const ahead = 31 - Math.clz32(turned & -turned);
    return (following + ahead) * span;
  }

  #wakeBy(tick: number): void {
    if (tick >= this.#wakeTick) return;
    this.#wakeTick = tick;
    this.#host.wakeIn(Math.max(tick - this.#host.now(), 0));
  }
}
