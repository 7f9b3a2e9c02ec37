import t from 'tap';
import { backoffMs, type BackoffOptions } from '../../../src/policies/retry/backoff.js';
import { settingsOf } from '../../support/settings.js';

/** Without chance. */
const defaults: BackoffOptions = { ...settingsOf('retry').backoff, jitter: 'none' };

/** Delays after the attempts 1 to 7, each told the one before it. */
function delays(options: Partial<BackoffOptions>, random = 0.5): number[] {
  const found: number[] = [];
  for (let attempt = 1; attempt <= 7; attempt++) {
    found.push(backoffMs({ ...defaults, ...options }, attempt, found.at(-1), () => random));
  }
  return found;
}

t.test('grows exponentially up to maxDelay', async (t) => {
  t.same(delays({}), [100, 200, 400, 800, 1600, 2000, 2000]);
  t.same(delays({ multiplier: 1 }), [100, 100, 100, 100, 100, 100, 100]);
});

t.test('grows linearly up to maxDelay', async (t) => {
  t.same(delays({ strategy: 'linear', maxDelay: 450 }), [100, 200, 300, 400, 450, 450, 450]);
});

t.test('stays constant, whatever maxDelay says', async (t) => {
  const constant = delays({ strategy: 'constant', baseDelay: 5000 });
  t.same(new Set(constant), new Set([5000]));
});

/** The delay of 400 ms as the lowest, middle and highest chance leave it. */
const spread = (jitter: BackoffOptions['jitter']) =>
  [0, 0.5, 1].map((random) => backoffMs({ ...defaults, jitter }, 3, undefined, () => random));

t.test('spreads a delay by its jitter', async (t) => {
  t.same(spread('full'), [0, 200, 400]);
  t.same(spread('equal'), [200, 300, 400]);
  t.same(spread('half'), [200, 400, 600]);
  t.same(spread('none'), [400, 400, 400]);
});

t.test('decorrelates between baseDelay and three times the delay before', async (t) => {
  const strategy = 'decorrelated';
  t.same(delays({ strategy }, 0), [100, 100, 100, 100, 100, 100, 100]);
  t.same(delays({ strategy }, 0.5), [200, 350, 575, 912.5, 1418.75, 2000, 2000]);
  t.same(delays({ strategy }, 1), [300, 900, 2000, 2000, 2000, 2000, 2000]);
});

t.test('adds no jitter to a decorrelated delay', async (t) => {
  t.same(
    delays({ strategy: 'decorrelated', jitter: 'full' }, 0),
    [100, 100, 100, 100, 100, 100, 100],
  );
});

t.test('never decorrelates beyond a maxDelay that is below baseDelay', async (t) => {
  t.same(new Set(delays({ strategy: 'decorrelated', maxDelay: 50 })), new Set([50]));
});
