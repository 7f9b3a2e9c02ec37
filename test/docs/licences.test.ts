/** Which licences of dependencies are allowed, and that those of the present ones are. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { findRefused, isAllowed } from '../../tools/licences/licences.js';

t.test('licences that allow to ship a package, by their SPDX names', async (t) => {
  for (const license of [
    'MIT',
    'Apache-2.0',
    '(MIT OR GPL-3.0)',
    'GPL-2.0 OR ISC',
    'MIT AND ISC',
  ]) {
    t.ok(isAllowed(license), license);
  }
});

t.test('all others are refused, and so is what cannot be understood', async (t) => {
  const others = ['GPL-3.0', 'AGPL-3.0-only', 'BUSL-1.1', 'UNLICENSED', '', 'MIT AND GPL-2.0'];
  const odd = ['SEE LICENSE IN x', '(MIT OR (ISC AND X))', undefined, { type: 'MIT' }, ['MIT']];
  for (const license of [...others, ...odd]) t.notOk(isAllowed(license), JSON.stringify(license));
  t.match(findRefused([{ path: 'node_modules/x', license: undefined }]), [
    /^Cannot ship node_modules\/x because its licence is not named; allowed are 0BSD, /,
  ]);
  t.match(findRefused([{ path: 'node_modules/x', license: 'BUSL-1.1' }]), [
    /licence is "BUSL-1.1"/,
  ]);
});

t.test('those of all packages that are shipped are allowed', async (t) => {
  const main = fileURLToPath(new URL('../../tools/licences/main.js', import.meta.url));
  t.match(
    execFileSync(process.execPath, [main], { encoding: 'utf8' }),
    /^The licences of \d+ packages/,
  );
});
