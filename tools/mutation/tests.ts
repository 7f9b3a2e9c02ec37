/** The test files that may notice a mutant, and in what order they are run. */
import { posix } from 'node:path';

/** Tests with fake clocks and few sockets: they take a second, and a busy machine does not change their result. */
const UNIT = new Set([
  'classify',
  'core',
  'http',
  'inbound',
  'lib',
  'outbound',
  'platform',
  'policies',
  'telemetry',
  'upstream',
]);

/** Tests of the whole program. Those that start containers, browsers, fleets or long loads are left out: they take minutes. */
const WHOLE = new Set([
  'app',
  'admin',
  'cli',
  'config',
  'docs',
  'e2e',
  'policy-tests',
  'simulation',
]);

const folderOf = (path: string): string => path.split('/')[2] ?? '';

/** Of the test files that reach a module: the nearest know it best, and those behind them merely pass by. */
const MOST_UNIT = 8;
const MOST_WHOLE = 4;

const isUnit = (path: string): boolean => UNIT.has(folderOf(path));

/** Whether a module is a test file that is run against mutants. */
export const isUsed = (path: string): boolean =>
  path.startsWith('dist/test/') &&
  path.endsWith('.test.js') &&
  (isUnit(path) || WHOLE.has(folderOf(path)));

const hasProperties = (path: string): boolean => path.endsWith('.property.test.js');

/** Options, metrics and reasons are declared here; the documents say what they are, and tests of the documents compare the two. */
const DECLARATIONS = /\/(?:options|instruments|reasons)\.js$/;

const isSpecifiedBy = (module: string, test: string): boolean =>
  DECLARATIONS.test(module) && folderOf(test) === 'docs';

/** How much of two paths is the same from the beginning, below `dist/src` and `dist/test`: folders, and then the name. */
function kinship(module: string, test: string): number {
  const [a, b] = [module, test].map((path) => path.split('/').slice(2));
  let same = 0;
  while (same < a!.length - 1 && same < b!.length - 1 && a![same] === b![same]) same += 1;
  const isNamesake = posix.basename(test).startsWith(posix.basename(module, '.js'));
  const isAbout = isNamesake ? !hasProperties(test) : isSpecifiedBy(module, test);
  return same + (isAbout ? 1 : 0);
}

/**
 * The test files that reach a module and that will most likely notice a mistake in it: those in the folder of the same name before
 * others, the documents of what is declared before other tests of the whole program, quick ones before those with random input, and near ones before far ones.
 *
 * @param distances over how many imports each file reaches the module.
 */
export function chooseTests(
  module: string,
  tests: readonly string[],
  distances: ReadonlyMap<string, number>,
): { unit: string[]; whole: string[] } {
  const reaching = tests
    .filter((path) => distances.has(path))
    .toSorted(
      (a, b) =>
        kinship(module, b) - kinship(module, a) ||
        Number(hasProperties(a)) - Number(hasProperties(b)) ||
        distances.get(a)! - distances.get(b)!,
    );
  return {
    unit: reaching.filter(isUnit).slice(0, MOST_UNIT),
    whole: reaching.filter((path) => !isUnit(path)).slice(0, MOST_WHOLE),
  };
}
