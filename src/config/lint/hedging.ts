/** Lint rules about extra attempts beside slow ones. */
import { listWords } from '../syntax/diagnostics.js';
import { entryOf, itemsOf, valueOf } from '../syntax/source.js';
import {
  eachScope,
  type Found,
  type LintFile,
  type LintRule,
  type Offence,
  type Scope,
} from './scope.js';

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
  const fix = rest.length === 0 ? 'hedge to off' : `hedge.methods to [${rest.join(', ')}]`;
  return {
    place: scope.place('hedge.methods', methods.findIndex(isUnsafe)),
    message: `a slow ${listWords(unsafe.map(String), 'and')} is sent to a second endpoint while the first one still works on it: orders and payments are made twice; set ${fix}`,
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
      const place = {
        position: written.position,
        path: [...key.path, 'routes', i, 'hedge'],
      };
      const message = `no call of the route ${config.routes[i]!.name} is hedged: it takes ${listWords([...methods], 'and')}, and hedge.methods is [${listed.join(', ')}]; set hedge to off for this route`;
      return [{ place, message }];
    }),
  );
}

export const hedgingRules: readonly LintRule[] = [
  { name: 'hedge-without-budget', level: 'warning', check: eachScope(checkBudget) },
  { name: 'unsafe-hedge', level: 'warning', check: eachScope(checkMethods) },
  { name: 'hedge-without-method', level: 'warning', check: checkRoutes },
];
