import * as fc from 'fast-check';
import t from 'tap';
import { CancelScope, type CancelListener } from '../../src/core/cancel-scope.js';
import { CallError } from '../../src/core/errors.js';

const late = new CallError('timeout-total', 'Cannot');
const gone = new CallError('shutting-down', 'Cannot');

t.test('tells each listener once, and keeps the first reason', async (t) => {
  const scope = new CancelScope();
  const told: unknown[] = [];
  scope.onCancel((why) => told.push(['first', why]));
  scope.onCancel((why) => told.push(['second', why]));
  t.equal(scope.cancelled, undefined);
  scope.cancel(late);
  scope.cancel(gone);
  t.equal(scope.cancelled, late);
  t.same(told, [
    ['first', late],
    ['second', late],
  ]);
});

t.test('does not tell a listener that another one has taken off while both are told', async (t) => {
  const scope = new CancelScope();
  let isTold = false;
  const second: CancelListener = () => {
    isTold = true;
  };
  scope.onCancel(() => scope.offCancel(second));
  scope.onCancel(second);
  scope.cancel(late);
  t.notOk(isTold);
});

t.test('shows its reason to those who are told', async (t) => {
  const scope = new CancelScope();
  let seen: unknown;
  scope.onCancel(() => {
    seen = scope.cancelled;
  });
  scope.cancel(late);
  t.equal(seen, late);
});

t.test('tells those who listen at that moment, whatever came and went before', async (t) => {
  const steps = fc.array(fc.record({ isAdded: fc.boolean(), which: fc.nat({ max: 4 }) }), {
    maxLength: 20,
  });
  fc.assert(
    fc.property(steps, (planned) => {
      const scope = new CancelScope();
      const told = new Map<number, number>();
      const listeners = Array.from({ length: 5 }, (_, i): CancelListener => () => {
        told.set(i, (told.get(i) ?? 0) + 1);
      });
      /** The model: which of them listen. */
      const on = new Set<number>();
      for (const { isAdded, which } of planned) {
        if (isAdded && !on.has(which)) {
          on.add(which);
          scope.onCancel(listeners[which]!);
        } else if (!isAdded) {
          on.delete(which);
          scope.offCancel(listeners[which]!);
        }
      }
      scope.cancel(late);
      return (
        told.size === on.size && [...told].every(([which, times]) => on.has(which) && times === 1)
      );
    }),
  );
  t.pass();
});
