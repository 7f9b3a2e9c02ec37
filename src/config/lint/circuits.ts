/** Lint rules about circuits that replicas share. */
import { eachScope, type Found, type LintFile, type LintRule } from './scope.js';

const findShared = eachScope((scope) => {
  if (scope.value('circuitBreaker.shared') !== true) return undefined;
  return {
    place: scope.place('circuitBreaker.shared'),
    message:
      'no replica learns of it when another one opens its circuit, because the store is the memory of one process; set stores to { kind: redis, url: "redis://..." }, or circuitBreaker.shared to false',
  };
});

const checkStore = (file: LintFile): Found =>
  file.config.stores.kind === 'redis' ? [] : findShared(file);

export const circuitRules: readonly LintRule[] = [
  { name: 'shared-circuit-in-memory', level: 'warning', check: checkStore },
];
