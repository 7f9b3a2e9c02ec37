/** Checks the licences of all packages that the program needs at run time. Exit code 1 if one may not be shipped. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { findRefused } from './licences.js';

const root = new URL('../../../', import.meta.url);
const read = (path: string): unknown =>
  JSON.parse(readFileSync(fileURLToPath(new URL(path, root)), 'utf8'));

interface Lock {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean }>>;
}

const { packages } = read('package-lock.json') as Lock;
const shipped = Object.entries(packages)
  .filter(([path, { dev }]) => path !== '' && dev !== true)
  .map(([path]) => {
    const { license } = read(`${path}/package.json`) as { readonly license?: unknown };
    return { path, license };
  });
const refused = findRefused(shipped);
for (const line of refused) process.stderr.write(`${line}\n`);
if (refused.length > 0) process.exitCode = 1;
else process.stdout.write(`The licences of ${shipped.length} packages are allowed\n`);
