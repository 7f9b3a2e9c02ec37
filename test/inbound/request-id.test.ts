import { randomUUID } from 'node:crypto';
import t from 'tap';
import { createRequestIds } from '../../src/inbound/request-id.js';

t.test('request ids', async (t) => {
  t.test('they have the form of a UUID, and none comes twice', async (t) => {
    const createId = createRequestIds(randomUUID());
    // More than the digits that change with each id can count.
    const ids = Array.from({ length: 70_000 }, createId);
    t.equal(new Set(ids).size, ids.length);
    t.same(
      ids.filter((id) => !/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(id)),
      [],
    );
    t.match(ids[0], /-000000000001$/);
    t.match(ids[0xffff], /-000000010000$/);
  });

  t.test('two processes have none in common', async (t) => {
    const [ours, theirs] = [createRequestIds(randomUUID()), createRequestIds(randomUUID())];
    t.not(ours(), theirs());
  });
});
