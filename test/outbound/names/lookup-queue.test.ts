import t from 'tap';
import { systemLookup, type NameAddress } from '../../../src/outbound/names/lookup.js';
import { LookupProcess } from '../../../src/outbound/names/lookup-process.js';
import { LookupQueue } from '../../../src/outbound/names/lookup-queue.js';
import { createSystemClock } from '../../../src/platform/system-clock.js';
import { settle } from '../../support/fake-clock.js';
import { eventually } from '../../support/sidecar.js';

const clock = createSystemClock();
const ADDRESS: NameAddress = { address: '9.9.9.9', family: 4 };

/** The process does not keep this one alive. */
const alive = setInterval(() => {}, 1000);
t.teardown(() => clearInterval(alive));

/** A queue whose own look-ups the test ends itself. */
function open(t: { teardown(end: () => void): void }, elsewhere?: LookupProcess) {
  const asked: { name: string; end: () => void }[] = [];
  const queue = new LookupQueue(
    clock,
    (name) =>
      new Promise((resolve) => {
        asked.push({ name, end: () => resolve([ADDRESS]) });
      }),
    elsewhere,
  );
  t.teardown(() => queue.close());
  return { queue, asked };
}

t.test('one look-up runs in this process at a time, and the next follows it', async (t) => {
  const { queue, asked } = open(t);
  const first = queue.lookup('a.test');
  const second = queue.lookup('b.test');
  t.equal(asked.length, 1);
  asked[0]!.end();
  t.same(await first, [ADDRESS]);
  await settle();
  t.equal(asked[1]!.name, 'b.test');
  asked[1]!.end();
  t.same(await second, [ADDRESS]);
});

t.test('a look-up does not wait for one that does not end', async (t) => {
  const { queue, asked } = open(t);
  void queue.lookup('hangs.test');
  const startMs = clock.now();
  const found = await Promise.all([queue.lookup('localhost'), queue.lookup('127.0.0.1')]);
  t.ok(clock.now() - startMs < 5000);
  t.same(found, await Promise.all([systemLookup('localhost'), systemLookup('127.0.0.1')]));
  t.equal(asked.length, 1, 'they went to another process');
  await t.rejects(queue.lookup('no.such.name.invalid'), { code: /^E/ }, 'errors come back too');
});

t.test('where there can be no other process, a look-up waits for its turn', async (t) => {
  const { queue, asked } = open(t, new LookupProcess(clock, '/no/such/program.js'));
  void queue.lookup('hangs.test');
  const second = queue.lookup('b.test');
  await eventually('it comes back', () => asked.length === 2);
  asked[1]!.end();
  t.same(await second, [ADDRESS]);
});

t.test('the process can be closed, and starts again when it is needed', async (t) => {
  const lookups = new LookupProcess(clock);
  t.same(await lookups.lookup('127.0.0.1'), [{ address: '127.0.0.1', family: 4 }]);
  t.equal(lookups.running, 0);
  lookups.close();
  t.same(await lookups.lookup('127.0.0.1'), [{ address: '127.0.0.1', family: 4 }], 'a new one');
  lookups.close();
});
