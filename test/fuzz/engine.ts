/**
 * Looks for an input for which a target's property does not hold, guided by coverage: an input that runs a part of the program
 * for the first time is kept and changed further (as AFL and libFuzzer do).
 *
 * Coverage costs far more than most checks, so it is taken for many inputs at once; only if there is something new are they run
 * again one by one.
 */
import { Coverage } from './coverage.js';
import { mutate, type Random } from './mutate.js';
import type { Target } from './target.js';

const BATCH = 200;

export interface FuzzOptions {
  readonly seconds: number;
  readonly random: Random;
  /** Inputs from earlier runs. */
  readonly corpus: readonly Buffer[];
}

export interface FuzzResult {
  readonly runs: number;
  /** Of the program, that have run. */
  readonly blocks: number;
  /** Inputs that reached what no other had, beyond those that were given. */
  readonly found: readonly Buffer[];
  readonly failure: Failure | undefined;
}

export interface Failure {
  /** As short as could be found. */
  readonly input: Buffer;
  readonly error: Error;
}

async function failureOf(target: Target, input: Buffer): Promise<Error | undefined> {
  try {
    await target.check(input);
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

export async function fuzz(target: Target, options: FuzzOptions): Promise<FuzzResult> {
  const coverage = new Coverage();
  try {
    return await new Search(target, options, coverage).run();
  } finally {
    coverage.stop();
  }
}

class Search {
  readonly #target: Target;
  readonly #options: FuzzOptions;
  readonly #coverage: Coverage;
  readonly #seen = new Set<string>();
  readonly #pool: Buffer[] = [];
  readonly #found: Buffer[] = [];
  #runs = 0;
  #failure: Failure | undefined;

  constructor(target: Target, options: FuzzOptions, coverage: Coverage) {
    this.#target = target;
    this.#options = options;
    this.#coverage = coverage;
  }

  async run(): Promise<FuzzResult> {
    const { seconds, corpus } = this.#options;
    const endAt = performance.now() + seconds * 1000;
    const seeds = this.#target.seeds.map((text) => Buffer.from(text, 'latin1'));
    for (const input of [...seeds, ...corpus]) {
      this.#pool.push(input);
      if (!(await this.#holds(input))) return this.#result();
    }
    for (const block of this.#coverage.take()) this.#seen.add(block);
    while (performance.now() < endAt) {
      const inputs = await this.#runBatch(endAt);
      if (this.#failure !== undefined) break;
      const fresh = new Set([...this.#coverage.take()].filter((block) => !this.#seen.has(block)));
      if (fresh.size > 0) await this.#keepThoseThatReach(fresh, inputs);
    }
    return this.#result();
  }

  #result(): FuzzResult {
    return {
      runs: this.#runs,
      blocks: this.#seen.size,
      found: this.#found,
      failure: this.#failure,
    };
  }

  async #runBatch(endAt: number): Promise<Buffer[]> {
    const inputs: Buffer[] = [];
    while (inputs.length < BATCH && performance.now() < endAt) {
      const input = this.#next();
      inputs.push(input);
      if (!(await this.#holds(input))) break;
    }
    return inputs;
  }

  #next(): Buffer {
    const { random } = this.#options;
    const pick = () => this.#pool[Math.floor(random() * this.#pool.length)] ?? Buffer.alloc(0);
    const changed = mutate(pick(), random, this.#target.words, pick());
    return changed.subarray(0, this.#target.longest);
  }

  async #keepThoseThatReach(fresh: Set<string>, inputs: readonly Buffer[]): Promise<void> {
    for (const input of inputs) {
      await failureOf(this.#target, input);
      const reached = [...this.#coverage.take()].filter((block) => fresh.delete(block));
      for (const block of reached) this.#seen.add(block);
      if (reached.length === 0) continue;
      this.#pool.push(input);
      this.#found.push(input);
    }
    // What runs only once, whatever the input is.
    for (const block of fresh) this.#seen.add(block);
  }

  async #holds(input: Buffer): Promise<boolean> {
    this.#runs += 1;
    const error = await failureOf(this.#target, input);
    if (error === undefined) return true;
    this.#failure = await shrink(this.#target, { input, error });
    return false;
  }
}

/** Leaves out pieces, from halves down to single bytes, as long as the check still fails. */
async function shrink(target: Target, failure: Failure): Promise<Failure> {
  let { input, error } = failure;
  for (let size = input.length >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at + size <= input.length;) {
      const shorter = Buffer.concat([input.subarray(0, at), input.subarray(at + size)]);
      const still = await failureOf(target, shorter);
      if (still === undefined) at += size;
      else [input, error] = [shorter, still];
    }
  }
  return { input, error };
}

/** For a person: the input, also in a form that can be pasted into a test, and what does not hold. */
export function describeFailure({ name, property }: Target, { input, error }: Failure): string {
  return `${name}: not so: ${property}
input (Latin-1): ${JSON.stringify(input.toString('latin1'))}
input (base64): ${input.toString('base64')}
${error.stack}`;
}
