import t from 'tap';
import { IdleHabit } from '../../../src/outbound/connect/idle-habit.js';

t.test('without a connection that was closed, none is due', async (t) => {
  t.equal(new IdleHabit().isDue(1e9), false);
});

t.test('one closed connection is no habit', async (t) => {
  const habit = new IdleHabit();
  habit.onClosed(100);
  t.equal(habit.isDue(100), false);
});

t.test(
  'after two that were closed alike, a connection is due from 90% of the time on',
  async (t) => {
    const habit = new IdleHabit();
    habit.onClosed(102);
    habit.onClosed(100);
    t.equal(habit.isDue(89.9), false);
    t.equal(habit.isDue(90), true);
  },
);

t.test('times that differ by more than 10% are no habit, and end one', async (t) => {
  const habit = new IdleHabit();
  habit.onClosed(100);
  habit.onClosed(112);
  t.equal(habit.isDue(112), false);
  habit.onClosed(111);
  t.equal(habit.isDue(111), true);
  habit.onClosed(30);
  t.equal(habit.isDue(111), false);
});

t.test('a connection that stays open for much longer disproves the habit', async (t) => {
  const habit = new IdleHabit();
  for (let i = 0; i < 2; i++) habit.onClosed(5);
  habit.onOpen(7);
  t.equal(habit.isDue(5), true);
  habit.onOpen(8);
  t.equal(habit.isDue(5), false);
});

t.test('connections that are closed at once are no habit', async (t) => {
  const habit = new IdleHabit();
  for (let i = 0; i < 2; i++) habit.onClosed(0);
  t.equal(habit.isDue(0), false);
});
