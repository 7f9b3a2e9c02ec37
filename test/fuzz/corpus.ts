/** Inputs that earlier runs have kept: one file each, in a folder for each target. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Beside the sources: the compiler does not copy them. */
const ROOT = fileURLToPath(new URL('../../../test/fuzz/corpus/', import.meta.url));

export function readCorpus(target: string): Buffer[] {
  const folder = join(ROOT, target);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .toSorted()
    .map((name) => readFileSync(join(folder, name)));
}

/** Under a name that follows from what is in it. */
export function keep(target: string, input: Buffer): void {
  const folder = join(ROOT, target);
  mkdirSync(folder, { recursive: true });
  const name = createHash('sha256').update(input).digest('hex').slice(0, 16);
  writeFileSync(join(folder, name), input);
}
