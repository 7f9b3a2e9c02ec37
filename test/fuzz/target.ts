/** What a fuzz target is. */

export interface Target {
  readonly name: string;
  /** The statement that holds for every input. */
  readonly property: string;
  /** Inputs to begin with, beside those that are kept in `corpus`. */
  readonly seeds: readonly string[];
  /** Words of the grammar, as Latin-1. */
  readonly words: readonly string[];
  /** In bytes. */
  readonly longest: number;
  /** @throws where the property does not hold. */
  check(input: Buffer): void | Promise<void>;
}
