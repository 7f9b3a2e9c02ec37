/** The frame of a measurement in rounds: its options, a folder of its own, and the end of all programs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Programs } from './program.js';

/** `--rounds N` and `--seconds S`. */
export interface Rounds {
  readonly rounds: number;
  readonly seconds: number;
}

/** @param name of the measurement, for its folder. @param defaults of the options. */
export async function measureRounds(
  name: string,
  defaults: Rounds,
  measure: (programs: Programs, directory: string, rounds: Rounds) => Promise<void>,
): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: String(defaults.rounds) },
      seconds: { type: 'string', default: String(defaults.seconds) },
    },
  });
  const directory = mkdtempSync(join(tmpdir(), `breakwater-${name}-`));
  const programs = new Programs(directory);
  try {
    await measure(programs, directory, {
      rounds: Number(values.rounds),
      seconds: Number(values.seconds),
    });
  } finally {
    await programs.stopAll();
    rmSync(directory, { recursive: true });
  }
}
