/** Lint rules about rate limits. */
import { burstOf } from '../../policies/rate-limit/options.js';
import { formatQuantity } from '../schema/units.js';
import {
  eachScope,
  type Found,
  type LintFile,
  type LintRule,
  type Offence,
  type Scope,
} from './scope.js';

/** Calls of less time than this come together by chance, in seconds. */
const LEAST_BURST_SECONDS = 0.1;

const show = (rate: number) => formatQuantity('rate', rate);

/** The limits of a scope by their paths. */
function* limitsOf(scope: Scope) {
  for (const path of ['rateLimit', 'rateLimit.perKey']) {
    const rate = scope.number(`${path}.rate`);
    if (rate === undefined) continue;
    yield { path, rate, burst: burstOf({ rate, burst: scope.number(`${path}.burst`) }) };
  }
}

function checkKeyRate(scope: Scope): Offence | undefined {
  const perKey = scope.number('rateLimit.perKey.rate');
  const rate = scope.number('rateLimit.rate');
  if (perKey === undefined || rate === undefined || perKey < rate) return undefined;
  return {
    place: scope.culprit('rateLimit.perKey.rate', 'rateLimit.rate'),
    message: `one caller may send ${show(perKey)}, and all together ${show(rate)}: one caller can still use up the limit for all; set rateLimit.perKey.rate to ${show(Math.max(rate / 4, 1 / 3600))} or so`,
  };
}

function checkBurst(scope: Scope): Offence | undefined {
  for (const { path, rate, burst } of limitsOf(scope)) {
    if (burst >= rate * LEAST_BURST_SECONDS) continue;
    return {
      place: scope.place(`${path}.burst`),
      message: `calls that come together by chance are refused long before ${show(rate)} is reached: no more than ${burst} may come at once; set ${path}.burst to ${Math.ceil(rate)}, which is one second of the rate`,
    };
  }
  return undefined;
}

const findShared = eachScope((scope) => {
  if (scope.value('rateLimit.shared') !== true) return undefined;
  return {
    place: scope.place('rateLimit.shared'),
    message:
      'each replica counts by itself, because the store is the memory of one process: all together let pass the limit times their number; set stores to { kind: redis, url: "redis://..." }, or rateLimit.shared to false',
  };
});

const checkStore = (file: LintFile): Found =>
  file.config.stores.kind === 'redis' ? [] : findShared(file);

function checkSlots(scope: Scope): Offence | undefined {
  const burst = [...limitsOf(scope)][0]?.burst;
  const slots = scope.number('bulkhead.maxConcurrent');
  const places = scope.number('bulkhead.maxQueue');
  if (burst === undefined || slots === undefined || places === undefined) return undefined;
  if (burst <= slots + places) return undefined;
  const isWritten = scope.number('rateLimit.burst') !== undefined;
  return {
    place: scope.culprit(
      isWritten ? 'rateLimit.burst' : 'rateLimit.rate',
      'bulkhead.maxConcurrent',
      'bulkhead.maxQueue',
    ),
    message: `the rate limit lets ${burst} calls pass at once, and the bulkhead has room for ${slots + places} (maxConcurrent and maxQueue): of a whole burst the rest gets 503 bulkhead-full; set rateLimit.burst to ${slots + places} or less, or raise bulkhead.maxQueue`,
  };
}

export const rateLimitRules: readonly LintRule[] = [
  { name: 'key-rate-reaches-all', level: 'warning', check: eachScope(checkKeyRate) },
  { name: 'small-burst', level: 'warning', check: eachScope(checkBurst) },
  { name: 'shared-limit-in-memory', level: 'warning', check: checkStore },
  { name: 'burst-exceeds-bulkhead', level: 'info', check: eachScope(checkSlots) },
];
