/** A call's right to work, where a policy limits how many calls may work at once. */

/** A call that only waits gives its slot back meanwhile, so that others can work. */
export interface Slot {
  /** Whether there is room for one more call that waits without a slot. */
  readonly mayRelease: boolean;
  /** Gives the slot back. The call counts as waiting until `reacquire`, or until it is over. */
  release(): void;
  /**
   * Waits for a slot again, before all calls that wait for their first one. After `release` only.
   * Rejects with a `CallError` where none came in time, or with what the call was cancelled with.
   */
  reacquire(): Promise<void>;
}
