/** In which order the addresses of one target are used: those at which attempts have just failed come last. */

/** For how long an address is used less after a failure, in ms; twice as long after each further one in a row. */
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 10_000;

interface Suspect {
  failures: number;
  /** When one attempt may find out whether it is well again, in monotonic ms. */
  trialMs: number;
  isOnTrial: boolean;
}

/** Never forbids an address: where all are suspect, all are used as if none were. */
export class AddressOrder {
  readonly #suspects = new Map<string, Suspect>();

  get hasSuspects(): boolean {
    return this.#suspects.size > 0;
  }

  report(address: string, isGood: boolean, nowMs: number): void {
    if (isGood) {
      if (this.#suspects.size > 0) this.#suspects.delete(address);
      return;
    }
    const known = this.#suspects.get(address);
    // Attempts that were under way together mostly fail for the same cause, which counts once.
    if (known !== undefined && !known.isOnTrial) return;
    const failures = (known?.failures ?? 0) + 1;
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS);
    this.#suspects.set(address, { failures, trialMs: nowMs + pauseMs, isOnTrial: false });
  }

  /** An address that one attempt should be sent to, to find out whether it is well again. */
  takeTrial(addresses: readonly string[], nowMs: number): string | undefined {
    for (const address of addresses) {
      const suspect = this.#suspects.get(address);
      if (suspect === undefined || nowMs < suspect.trialMs) continue;
      suspect.isOnTrial = true;
      // The next one only if this one tells nothing: its client may leave.
      suspect.trialMs = nowMs + LONGEST_PAUSE_MS;
      return address;
    }
    return undefined;
  }

  /** @param avoid addresses that earlier attempts of the call used: they come last. */
  rank(address: string, avoid: readonly string[]): number {
    return (avoid.includes(address) ? 2 : 0) + (this.#suspects.has(address) ? 1 : 0);
  }

  /** The lowest rank first; those of one rank stay in their order. */
  sort(addresses: readonly string[], avoid: readonly string[]): string[] {
    return addresses.toSorted((a, b) => this.rank(a, avoid) - this.rank(b, avoid));
  }

  /** Forgets what is no longer an address of the target. */
  retain(isKnown: (address: string) => boolean): void {
    for (const address of this.#suspects.keys()) {
      if (!isKnown(address)) this.#suspects.delete(address);
    }
  }
}
