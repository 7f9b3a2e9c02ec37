/** The lint rule about policies in shadow: they are easily taken for a protection. */
import { placeOf } from './overload.js';
import { eachScope, type Found, type LintFile, type LintRule, type Place } from './scope.js';

/** The policies of an upstream or a route that have a mode. */
const paths = ['bulkhead', 'circuitBreaker', 'rateLimit', 'timeout.adaptive'];

const offenceAt = (path: string, place: Place) => ({
  place,
  message: `the policy is in shadow: it protects nothing, and only counts in breakwater_shadow_total what it would do; set ${path}.mode to enforce when that is what you expect`,
});

const findIn = (path: string) =>
  eachScope((scope) =>
    scope.value(`${path}.mode`) === 'shadow'
      ? offenceAt(path, scope.place(`${path}.mode`))
      : undefined,
  );

function checkShadow(file: LintFile): Found {
  const { overload } = file.config;
  const ofProcess =
    overload !== 'off' && overload.mode === 'shadow'
      ? [offenceAt('overload', placeOf(file, 'mode'))]
      : [];
  return [...paths.flatMap((path) => findIn(path)(file)), ...ofProcess];
}

export const shadowRules: readonly LintRule[] = [
  { name: 'policy-in-shadow', level: 'info', check: checkShadow },
];
