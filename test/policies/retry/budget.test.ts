import t from 'tap';
import { RetryBudget, type RetryBudgetOptions } from '../../../src/policies/retry/budget.js';
import { FakeClock } from '../../support/fake-clock.js';

function build(options: Partial<RetryBudgetOptions> = {}) {
  const clock = new FakeClock();
  const budget = new RetryBudget(
    { ratio: 0.2, minPerSecond: 3, window: 10_000, ...options },
    clock,
  );
  return { clock, budget };
}

function deposit(budget: RetryBudget, count: number): void {
  for (let i = 0; i < count; i++) budget.deposit();
}

/** Retries until the budget says no. */
function drain(budget: RetryBudget): number {
  let count = 0;
  while (budget.tryWithdraw()) count += 1;
  return count;
}

t.test('always has minPerSecond x window', async (t) => {
  const { budget } = build();
  t.equal(budget.remaining(), 30);
  t.equal(drain(budget), 30);
  t.equal(budget.remaining(), 0);
  t.notOk(budget.tryWithdraw());
});

t.test('allows 50 retries to 100 first attempts', async (t) => {
  const { budget } = build();
  deposit(budget, 100);
  t.equal(budget.remaining(), 50);
  t.equal(drain(budget), 50);
});

t.test('allows no part of a retry', async (t) => {
  const { budget } = build({ minPerSecond: 0 });
  deposit(budget, 4);
  t.notOk(budget.tryWithdraw());
  budget.deposit();
  t.equal(drain(budget), 1);
});

t.test('loses no retry to the rounding of binary fractions', async (t) => {
  const { budget } = build({ ratio: 0.57, minPerSecond: 0 });
  deposit(budget, 100);
  t.equal(drain(budget), 57);
});

t.test('carries nothing over from before the window', async (t) => {
  const { clock, budget } = build();
  deposit(budget, 100);
  await clock.advance(10_000);
  t.equal(budget.remaining(), 30, 'neither savings');
  drain(budget);
  await clock.advance(10_000);
  t.equal(budget.remaining(), 30, 'nor debts');
});

t.test('remembers what is still in the window', async (t) => {
  const { clock, budget } = build();
  drain(budget);
  await clock.advance(8000);
  t.equal(budget.remaining(), 0);
  deposit(budget, 10);
  t.equal(drain(budget), 2);
});

t.test('is never in debt when first attempts leave the window before their retries', async (t) => {
  const { clock, budget } = build();
  deposit(budget, 100);
  await clock.advance(5000);
  drain(budget);
  await clock.advance(5000);
  t.equal(budget.remaining(), 0);
});
