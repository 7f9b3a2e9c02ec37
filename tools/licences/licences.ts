/** Whether the licences of installed packages allow to ship them with the program. */

/** SPDX names. All of them allow to ship the package, changed or not, with its licence beside it. */
const allowed: ReadonlySet<string> = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MIT-0',
  'Unlicense',
]);

export interface InstalledPackage {
  /** Below the folder of the project, such as `node_modules/ajv`. */
  readonly path: string;
  /** What its package.json says: an SPDX expression. Older ones have other forms, which need a look by a person. */
  readonly license: unknown;
}

/** `MIT`, `(MIT OR GPL-2.0)`, `Apache-2.0 AND MIT`. An expression of more than one level is not allowed. */
export function isAllowed(license: unknown): boolean {
  if (typeof license !== 'string') return false;
  const expression = license.trim().replace(/^\(([^()]*)\)$/, '$1');
  if (/ AND /.test(expression)) {
    return expression.split(' AND ').every((each) => allowed.has(each.trim()));
  }
  return expression.split(' OR ').some((each) => allowed.has(each.trim()));
}

/** @returns a sentence for each package that may not be shipped. */
export const findRefused = (packages: readonly InstalledPackage[]): string[] =>
  packages
    .filter(({ license }) => !isAllowed(license))
    .map(
      ({ path, license }) =>
        `Cannot ship ${path} because its licence is ${JSON.stringify(license) ?? 'not named'}; allowed are ${[...allowed].join(', ')}`,
    );
