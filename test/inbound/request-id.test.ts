import { randomUUID } from 'node:crypto';
import t from 'tap';
import { createRequestIds } from '../../src/inbound/request-id.js';

t.test('request ids', async (t) => {
  t.test('they have the form of a UUID, and none comes twice', async (t) => {
    const createId = createRequestIds(randomUUID());
    const ids = Array.from({ length: 5000 }, createId);
    t.equal(new Set(ids).size, ids.length);
    for (const id of ids) t.match(id, /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/);
  });

  t.test('two processes have none in common', async (t) => {
    const [ours, theirs] = [createRequestIds(randomUUID()), createRequestIds(randomUUID())];
    t.not(ours(), theirs());
  });
});
