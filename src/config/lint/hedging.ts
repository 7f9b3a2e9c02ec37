/** Lint rules about extra attempts beside slow ones. */
import { listWords } from '../syntax/diagnostics.js';
import { entryOf, itemsOf, valueOf } from '../syntax/source.js';
import { showMs } from './forecast.js';
import {
  eachScope,
  type Found,
  type LintFile,
  type LintRule,
  type Offence,
  type Scope,
} from './scope.js';
import { roundTo } from './timing.js';

/** Methods that are not idempotent: a second request may place a second order (RFC 9110, section 9.2.2). */
const NOT_IDEMPOTENT: ReadonlySet<unknown> = new Set(['POST', 'PATCH']);

const isUnsafe = (method: unknown) => NOT_IDEMPOTENT.has(method);

const isHedging = (scope: Scope) => scope.value('hedge') !== undefined;

function checkBudget(scope: Scope): Offence | undefined {
  if (!isHedging(scope)) return undefined;
  const missing = ['retry', 'retry.budget'].find((path) => scope.value(path) === undefined);
  if (missing === undefined) return undefined;
  return {
    place: scope.place(missing),
    message: `no call is hedged: hedges are paid from the retry budget, and ${missing} is off; set ${missing} to on, or hedge to off${missing === 'retry' ? '; retry.maxAttempts: 1 keeps the budget without retries' : ''}`,
  };
}

function checkMethods(scope: Scope): Offence | undefined {
  const methods = scope.list('hedge.methods');
  const unsafe = methods.filter(isUnsafe);
  if (unsafe.length === 0) return undefined;
  const rest = methods.filter((method) => !isUnsafe(method));
  const repeated = scope.list('retry.methods');
  const needsKey = !unsafe.some((method) => repeated.includes(method));
  const fix = rest.length === 0 ? 'hedge to off' : `hedge.methods to [${rest.join(', ')}]`;
  return {
    place: scope.place('hedge.methods', methods.findIndex(isUnsafe)),
    message: `a slow ${listWords(unsafe.map(String), 'and')}${needsKey ? ' with an idempotency key' : ''} is sent to a second endpoint while the first one still works on it: orders and payments are made twice${needsKey ? ', unless both endpoints look the key up in one place' : ''}; set ${fix}`,
  };
}

/** Routes that write hedge and take only methods that are not hedged. */
function checkRoutes({ upstreams }: LintFile): Found {
  return upstreams.flatMap(({ config, node, key, routes }) =>
    routes.flatMap((scope, i) => {
      const written = entryOf(itemsOf(valueOf(node, 'routes'))[i]!, 'hedge')?.value;
      const { methods } = config.routes[i]!.match;
      const listed = scope.list('hedge.methods');
      if (written === undefined || methods === undefined || !isHedging(scope)) return [];
      if (methods.some((method) => listed.includes(method))) return [];
      // gRPC calls are hedged whatever their method.
      if (scope.value('retry.grpc') === 'idempotent') return [];
      const place = {
        position: written.position,
        path: [...key.path, 'routes', i, 'hedge'],
      };
      const message = `no call of the route ${config.routes[i]!.name} is hedged: it takes ${listWords([...methods], 'and')}, and hedge.methods is [${listed.join(', ')}]; set hedge to off for this route`;
      return [{ place, message }];
    }),
  );
}

function checkHedgeDelay(scope: Scope): Offence | undefined {
  const after = scope.number('hedge.after');
  const attempt = scope.number('timeout.attempt');
  if (after === undefined || attempt === undefined || after < attempt) return undefined;
  return {
    place: scope.culprit('hedge.after', 'timeout.attempt'),
    message: `a hedge starts after ${showMs(after)}, but the first attempt has ended after ${showMs(attempt)} (timeout.attempt): no call is hedged; set hedge.after to ${showMs(roundTo(attempt / 10, Math.ceil))} or so, and to less than ${showMs(attempt)}`,
  };
}

export const hedgingRules: readonly LintRule[] = [
  { name: 'hedge-without-budget', level: 'warning', check: eachScope(checkBudget) },
  { name: 'unsafe-hedge', level: 'warning', check: eachScope(checkMethods) },
  { name: 'hedge-without-method', level: 'warning', check: checkRoutes },
  { name: 'hedge-after-attempt', level: 'warning', check: eachScope(checkHedgeDelay) },
];
