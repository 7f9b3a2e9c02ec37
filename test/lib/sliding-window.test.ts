import t from 'tap';
import { SlidingWindow } from '../../src/lib/sliding-window.js';

/** A window of 10 s: buckets of 1 s. */
function filled(failures: number, successes: number, nowMs = 0): SlidingWindow {
  const window = new SlidingWindow(10_000);
  for (let i = 0; i < failures; i++) window.record(nowMs, true, false);
  for (let i = 0; i < successes; i++) window.record(nowMs, false, true);
  return window;
}

t.test('counts failures and slow calls apart from the total', async (t) => {
  const window = filled(2, 3);
  window.record(0, true, true);
  t.match(window.counts(0), { total: 6, failures: 3, slow: 4 });
});

t.test('forgets bucket by bucket as the clock goes on', async (t) => {
  const window = filled(1, 0, 500);
  window.record(1500, false, true);
  t.match(window.counts(9999), { total: 2, failures: 1, slow: 1 });
  t.match(window.counts(10_000), { total: 1, failures: 0, slow: 1 });
  t.match(window.counts(11_000), { total: 0, failures: 0, slow: 0 });
});

t.test('drops stale buckets also when it is written before it is read', async (t) => {
  const window = filled(3, 0);
  window.record(10_000, false, false);
  t.match(window.counts(10_000), { total: 1, failures: 0 });
});

t.test('clears all in an idle gap, however long', async (t) => {
  for (const gapMs of [10_000, 10_500, 25_000, 1e15]) {
    t.match(filled(20, 5, 3000).counts(3000 + gapMs), { total: 0, failures: 0, slow: 0 });
  }
});

t.test('keeps what came just before a gap shorter than the window', async (t) => {
  t.match(filled(4, 0, 999).counts(9999), { total: 4 });
});

t.test('starts at any reading of the clock', async (t) => {
  const window = new SlidingWindow(10_000);
  window.record(987_654_321.5, true, false);
  t.match(window.counts(987_654_321.5), { total: 1, failures: 1 });
});

t.test('is empty after clear, and counts on', async (t) => {
  const window = filled(4, 4);
  window.clear();
  t.match(window.counts(0), { total: 0, failures: 0, slow: 0 });
  window.record(0, true, true);
  t.match(window.counts(0), { total: 1, failures: 1, slow: 1 });
});

t.test('lets time pass through a window of no length', async (t) => {
  const window = new SlidingWindow(0);
  window.record(0, true, false);
  t.match(window.counts(0), { total: 1 });
  t.match(window.counts(10), { total: 0 });
});
