/** How long an upstream lives on after a reload has replaced it: until the last exchange that uses it is over. */

/** What an exchange on one upstream may use: the upstream itself, and those to which it may fall back. */
export class Lifetime {
  readonly #findOthers: () => readonly Lifetime[];
  #others: readonly Lifetime[] | undefined;
  readonly #onEnd: () => void;
  /** Exchanges under way. */
  #users = 0;
  #isRetired = false;

  /**
   * @param findOthers those to which its exchanges may fall back; called at the first exchange.
   * @param onEnd called once, when it is retired and no exchange uses it any more.
   */
  constructor(findOthers: () => readonly Lifetime[], onEnd: () => void) {
    this.#findOthers = findOthers;
    this.#onEnd = onEnd;
  }

  /** An exchange begins. */
  readonly enter = (): void => {
    this.#users += 1;
    this.#others ??= this.#findOthers();
    for (const other of this.#others) other.enter();
  };

  /** The exchange is over; once per `enter`. */
  readonly leave = (): void => {
    for (const other of this.#others!) other.leave();
    this.#users -= 1;
    if (this.#isRetired && this.#users === 0) this.#onEnd();
  };

  /** No further exchange begins. Once only. */
  retire(): void {
    this.#isRetired = true;
    if (this.#users === 0) this.#onEnd();
  }
}
