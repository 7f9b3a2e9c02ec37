/** What a reload says that has changed. */
import t from 'tap';
import { findChanges } from '../../src/core/reload.js';

t.test('changes are told by the path in the file', async (t) => {
  const before = {
    admin: { port: 9900 },
    upstreams: {
      catalog: { timeout: { attempt: '1s', total: '5s' }, targets: ['a', 'b'] },
      old: {},
    },
  };
  const after = {
    admin: { port: 9900 },
    upstreams: { catalog: { timeout: { attempt: '2s' }, targets: ['a'], retry: 'off' } },
    access: {},
  };
  t.same(findChanges(before, after), {
    added: ['upstreams.catalog.retry', 'access'],
    removed: ['upstreams.catalog.timeout.total', 'upstreams.old'],
    changed: ['upstreams.catalog.timeout.attempt', 'upstreams.catalog.targets'],
  });
});

t.test('the same values in another order are no change of a key, but one of a list', async (t) => {
  t.same(findChanges({ a: 1, b: [1, 2] }, { b: [1, 2], a: 1 }), {
    added: [],
    removed: [],
    changed: [],
  });
  t.same(findChanges({ b: [1, 2] }, { b: [2, 1] }).changed, ['b']);
});

t.test('a value in place of a mapping is told as one change', async (t) => {
  for (const value of ['off', null, ['a']]) {
    t.same(findChanges({ retry: { maxAttempts: 2 } }, { retry: value }), {
      added: [],
      removed: [],
      changed: ['retry'],
    });
  }
});
