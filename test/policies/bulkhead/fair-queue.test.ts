/** `bulkhead.perKey`: a limit and a line of its own for each value of a header. */
import t from 'tap';
import type { Call } from '../../../src/core/call.js';
import type { CallStage } from '../../../src/core/pipeline.js';
import { bulkhead as policy, type BulkheadSettings } from '../../../src/policies/bulkhead/index.js';
import { FairQueue } from '../../../src/policies/bulkhead/fair-queue.js';
import { fakeCall, fakeContext } from '../../support/fake-call.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
import { clientGone, failureOf, FakeStage } from '../../support/fake-stage.js';
import { settingsOf } from '../../support/settings.js';

type Options = Exclude<BulkheadSettings['bulkhead'], 'off'>;

const two = { header: 'X-User-Id', maxConcurrent: 2 };

const defaults = settingsOf('bulkhead', {
  maxConcurrent: 4,
  maxQueue: 4,
  queueTimeout: 1000,
  perKey: two,
});

function build(options: Partial<Options> = {}) {
  const context = fakeContext(new FakeClock());
  const next = new FakeStage();
  const create = (changed: Partial<Options>, previous?: ReturnType<typeof policy.create>) =>
    policy.create({ bulkhead: { ...defaults, ...changed } }, context, previous)!;
  const layer = create(options);
  return {
    clock: context.clock as FakeClock,
    next,
    stage: layer.wrap(next),
    bulkhead: layer.bulkhead,
    /** @returns the chain under the new options. */
    reload: (changed: Partial<Options>) => create(changed, layer).wrap(next),
  };
}

const callOf = (user: string, path = '/') => fakeCall({ path, headers: ['X-User-Id', user] });

/** Runs a call and keeps its end from being an unhandled rejection. */
function start(stage: CallStage, call: Call) {
  const reply = stage.run(call);
  reply.catch(() => {});
  return { call, reply };
}

const startAll = (stage: CallStage, ...users: string[]) =>
  users.map((user) => start(stage, callOf(user)));

/** Who has reached the upstream, in order. */
const usersOf = ({ runs }: FakeStage) => runs.map(({ call }) => call.headers[1]).join('');

/** Ends the first call of that user that is still running. */
async function finish(next: FakeStage, user: string): Promise<void> {
  const run = next.runs.find(({ call }) => call.headers[1] === user && !ended.has(call))!;
  ended.add(run.call);
  run.fail(clientGone());
  await settle();
}
const ended = new WeakSet<Call>();

t.test('gives each value of the header its own limit within the shared one', async (t) => {
  const { next, stage, bulkhead } = build();
  startAll(stage, 'a', 'a', 'a', 'b', 'b', 'b');
  t.equal(usersOf(next), 'aabb');
  t.match(bulkhead, { active: 4, queued: 2, limit: 4 });
  startAll(stage, 'c');
  t.match(bulkhead, { active: 4, queued: 3 }, 'the shared limit holds for all together');
});

t.test('lets no caller over its limit block those behind it', async (t) => {
  const { next, stage, bulkhead } = build();
  startAll(stage, 'a', 'a', 'a', 'a');
  startAll(stage, 'b');
  t.equal(usersOf(next), 'aab', 'a free slot is there for others');
  startAll(stage, 'c', 'd', 'a');
  t.equal(usersOf(next), 'aabc');
  t.match(bulkhead, { active: 4, queued: 4 });
  await finish(next, 'b');
  t.equal(usersOf(next), 'aabcd', 'the first of those who may go');
  await finish(next, 'c');
  t.equal(usersOf(next), 'aabcd', 'a slot stays free rather than exceed a limit');
  t.match(bulkhead, { active: 3, queued: 3 });
});

t.test('admits in order of arrival among those below their limit', async (t) => {
  const { next, stage } = build({ maxConcurrent: 3, maxQueue: 10 });
  startAll(stage, 'a', 'a', 'b');
  startAll(stage, 'a', 'b', 'a', 'c', 'b');
  await finish(next, 'b');
  t.equal(usersOf(next), 'aabb');
  await finish(next, 'a');
  t.equal(usersOf(next), 'aabba', 'not c: a came before');
  await finish(next, 'b');
  t.equal(usersOf(next), 'aabbac');
  await finish(next, 'c');
  t.equal(usersOf(next), 'aabbacb', 'the other a is held back by its limit only');
  await finish(next, 'b');
  t.equal(usersOf(next), 'aabbacb');
  await finish(next, 'a');
  t.equal(usersOf(next), 'aabbacba');
});

t.test('counts calls without the header, or with nothing in it, as one caller', async (t) => {
  const { next, stage, bulkhead } = build();
  start(stage, fakeCall());
  start(stage, fakeCall({ headers: ['X-User-Id', ''] }));
  start(stage, fakeCall({ headers: ['X-Other', 'a'] }));
  t.match(bulkhead, { active: 2, queued: 1 });
  t.equal(next.runs.length, 2);
});

t.test('reads the header whatever its case, and repeated fields as one value', async (t) => {
  const { bulkhead, stage } = build({ perKey: { ...two, maxConcurrent: 1 } });
  start(stage, fakeCall({ headers: ['x-user-id', 'a', 'X-USER-ID', 'b'] }));
  start(stage, fakeCall({ headers: ['X-User-Id', 'a, b'] }));
  t.match(bulkhead, { active: 1, queued: 1 });
  start(stage, fakeCall({ headers: ['X-User-Id', 'a'] }));
  t.match(bulkhead, { active: 2, queued: 1 }, 'which is neither of them alone');
});

t.test('tells long values apart, and keeps none of them', async (t) => {
  const context = fakeContext(new FakeClock(), { hash: (data) => String(data).slice(-3) });
  const queue = new FairQueue({ ...two, maxConcurrent: 1 }, () => {}, context.hash);
  const long = 'x'.repeat(10_000);
  const line = queue.lineOf(callOf(`${long}abc`));
  t.equal(line.key, 'abc ');
  t.ok(queue.tryEnter(line));
  t.equal(queue.lineOf(callOf(`${long}abc`)), line);
  t.not(queue.lineOf(callOf(`${long}abd`)), line);
  t.not(queue.lineOf(callOf('abc')), line, 'no caller passes for the digest of another');
});

t.test(
  'takes a place from the longest line for a caller with fewer calls in a full queue',
  async (t) => {
    const { clock, next, stage, bulkhead } = build();
    const flood = startAll(stage, 'a', 'a', 'a', 'a', 'a', 'a');
    startAll(stage, 'b', 'b');
    t.match(bulkhead, { active: 4, queued: 4 }, 'full');
    const [guest] = startAll(stage, 'b');
    t.match(await failureOf(flood[5]!.reply), {
      reason: 'bulkhead-full',
      retryAfterMs: 1000,
      message:
        'Cannot admit GET to catalog because the queue of its bulkhead is full with 4 calls and a caller with fewer among them came',
    });
    t.match(bulkhead, { active: 4, queued: 4 });
    t.equal(clock.pending, 4, 'its timer is gone too');
    await finish(next, 'b');
    t.equal(next.last.call, guest!.call);
  },
);

t.test('pushes no call out for a caller that would have as long a line then', async (t) => {
  const { stage } = build({ maxConcurrent: 2, maxQueue: 3 });
  startAll(stage, 'a', 'a');
  const waiting = startAll(stage, 'a', 'a', 'b');
  t.match(await failureOf(start(stage, callOf('b')).reply), { reason: 'bulkhead-full' });
  t.match(await failureOf(start(stage, callOf('a')).reply), { reason: 'bulkhead-full' });
  const [guest] = startAll(stage, 'c');
  t.match(await failureOf(waiting[1]!.reply), { reason: 'bulkhead-full' });
  t.match(
    await failureOf(start(stage, callOf('d')).reply),
    { reason: 'bulkhead-full' },
    'where all callers differ the queue is first in, first out',
  );
  t.equal(await Promise.race([guest!.reply, Promise.resolve('waits')]), 'waits');
});

t.test('of several longest lines it is the latest arrival that has to go', async (t) => {
  const { stage } = build({ maxConcurrent: 2 });
  startAll(stage, 'x', 'y');
  const waiting = startAll(stage, 'a', 'b', 'b', 'a');
  startAll(stage, 'c');
  t.match(await failureOf(waiting[3]!.reply), { reason: 'bulkhead-full' });
});

t.test('says whose limit it was, and not who', async (t) => {
  const { clock, stage } = build({ maxQueue: 1 });
  startAll(stage, 'secret', 'secret');
  const [waiting] = startAll(stage, 'secret');
  t.match(await failureOf(start(stage, callOf('secret')).reply), {
    reason: 'bulkhead-full',
    message:
      'Cannot admit GET to catalog because all 2 slots that its bulkhead has for one value of X-User-Id are taken and 1 calls wait already',
  });
  await clock.advance(1000);
  t.match(await failureOf(waiting!.reply), {
    reason: 'bulkhead-timeout',
    message:
      'Cannot admit GET to catalog because none of the 2 slots that its bulkhead has for one value of X-User-Id came free within 1000 ms',
  });
  start(stage, fakeCall());
  start(stage, fakeCall());
  start(stage, fakeCall());
  t.match(await failureOf(start(stage, fakeCall()).reply), {
    message: /for calls without X-User-Id/,
  });
});

t.test('names the shared limit where that is what is missing', async (t) => {
  const { stage } = build({ maxConcurrent: 2, maxQueue: 0 });
  startAll(stage, 'a', 'b');
  t.match(await failureOf(start(stage, callOf('c')).reply), {
    message:
      'Cannot admit GET to catalog because all 2 slots of its bulkhead are taken and 0 calls wait already',
  });
});

t.test('takes a caller that hung up out of its line, and lets the next in its place', async (t) => {
  const { clock, next, stage, bulkhead } = build({ maxQueue: 10 });
  startAll(stage, 'a', 'a', 'b', 'b');
  const waiting = startAll(stage, 'a', 'a', 'b');
  waiting[0]!.call.cancel(clientGone());
  t.match(bulkhead, { active: 4, queued: 2 });
  await finish(next, 'a');
  t.equal(next.last.call, waiting[1]!.call);
  waiting[2]!.call.cancel(clientGone());
  t.match(bulkhead, { active: 4, queued: 0 });
  t.equal(clock.pending, 0);
});

t.test(
  'gives both slots back of a call that was ended between its turn and its start',
  async (t) => {
    const { next, stage, bulkhead } = build();
    startAll(stage, 'a', 'a');
    const [second, third] = startAll(stage, 'a', 'a');
    const body = next.runs[0]!.respond();
    await settle();
    body.finish();
    t.equal(bulkhead.queued, 1);
    second!.call.cancel(clientGone());
    await settle();
    t.equal(next.last.call, third!.call);
    t.match(bulkhead, { active: 2, queued: 0 });
  },
);

t.test('refuses at once what an open circuit would refuse, and keeps no count of it', async (t) => {
  const { next, stage, bulkhead } = build();
  startAll(stage, 'a', 'a');
  next.refuses = clientGone() as never;
  t.equal(await failureOf(start(stage, callOf('a')).reply), next.refuses);
  t.match(bulkhead, { active: 2, queued: 0 });
});

t.test('remembers a caller only while it holds a slot or waits', async (t) => {
  const { clock, next, stage } = build({ maxConcurrent: 1, maxQueue: 2 });
  startAll(stage, 'a', 'b', 'c', 'd');
  t.equal(next.runs.length, 1);
  await clock.advance(1000);
  await finish(next, 'a');
  // Looked at from inside, because nothing else tells it.
  const queue = new FairQueue(two, () => {}, String);
  for (const user of ['a', 'b']) queue.tryEnter(queue.lineOf(callOf(user)));
  const line = queue.lineOf(callOf('a'));
  queue.lineOf(callOf('c'));
  t.equal(queue.keys, 2);
  line.release();
  t.equal(queue.keys, 1);
});

t.test('stays as small under a million callers as under two', async (t) => {
  const queue = new FairQueue(two, () => {}, String);
  const inUse: ReturnType<typeof queue.lineOf>[] = [];
  let most = 0;
  for (let i = 0; i < 1_000_000; i++) {
    const line = queue.lineOf(callOf(`caller ${i}`));
    queue.tryEnter(line);
    inUse.push(line);
    if (inUse.length > 100) inUse.shift()!.release();
    most = Math.max(most, queue.keys);
  }
  t.equal(most, 100);
  for (const line of inUse) line.release();
  t.equal(queue.keys, 0);
});

t.test('a reload', async (t) => {
  t.test('keeps the counts and lets waiters in when the limit of each key is raised', async (t) => {
    const { next, stage, bulkhead, reload } = build();
    startAll(stage, 'a', 'a', 'a', 'a');
    const after = reload({ perKey: { header: 'x-user-id', maxConcurrent: 3 } });
    await settle();
    t.match(bulkhead, { active: 3, queued: 1 });
    startAll(after, 'a');
    t.match(bulkhead, { active: 3, queued: 2 });
    await finish(next, 'a');
    await finish(next, 'a');
    t.match(bulkhead, { active: 3, queued: 0 });
  });

  t.test('reaches a lowered limit as slots come back', async (t) => {
    const { next, stage, bulkhead, reload } = build();
    startAll(stage, 'a', 'a', 'a');
    reload({ perKey: { ...two, maxConcurrent: 1 } });
    await finish(next, 'a');
    t.match(bulkhead, { active: 1, queued: 1 });
    await finish(next, 'a');
    t.match(bulkhead, { active: 1, queued: 0 });
  });

  t.test('makes one line of all when perKey is taken out', async (t) => {
    const { next, stage, bulkhead, reload } = build({ maxConcurrent: 3, maxQueue: 10 });
    startAll(stage, 'a', 'a', 'a', 'a', 'b', 'c', 'a');
    t.equal(usersOf(next), 'aab');
    const after = reload({ maxConcurrent: 3, maxQueue: 10, perKey: 'off' });
    t.match(bulkhead, { active: 3, queued: 4 });
    startAll(after, 'd');
    for (let i = 0; i < 3; i++) await finish(next, 'a');
    await finish(next, 'b');
    t.equal(usersOf(next), 'aabaaca', 'in order of arrival');
    await finish(next, 'c');
    t.equal(usersOf(next), 'aabaacad');
    for (const user of 'aad') await finish(next, user);
    t.match(bulkhead, { active: 0, queued: 0 }, 'no slot was lost');
  });

  t.test('sorts who waits when perKey is written', async (t) => {
    const { next, stage, bulkhead, reload } = build({ perKey: 'off', maxConcurrent: 2 });
    startAll(stage, 'a', 'a', 'a', 'a', 'b');
    reload({ maxConcurrent: 3, perKey: { ...two, maxConcurrent: 1 } });
    await settle();
    t.equal(usersOf(next), 'aaa', 'what was admitted before is counted among all only');
    await finish(next, 'a');
    t.equal(usersOf(next), 'aaab');
    t.match(bulkhead, { active: 3, queued: 1 });
    await finish(next, 'a');
    t.match(bulkhead, { active: 2, queued: 1 }, 'the second a waits for the first');
    await finish(next, 'a');
    await finish(next, 'a');
    await finish(next, 'b');
    t.match(bulkhead, { active: 0, queued: 0 });
  });

  t.test('counts by the other header when that changes', async (t) => {
    const { next, stage, bulkhead, reload } = build({ maxQueue: 10 });
    const call = (user: string, tenant: string) =>
      start(stage, fakeCall({ headers: ['X-User-Id', user, 'X-Tenant', tenant] }));
    call('a', 't');
    call('a', 't');
    call('a', 'u');
    call('a', 't');
    reload({ maxQueue: 10, perKey: { header: 'X-Tenant', maxConcurrent: 1 } });
    await settle();
    t.match(bulkhead, { active: 4, queued: 0 });
    call('b', 't');
    t.match(bulkhead, { active: 4, queued: 1 });
    for (let i = 0; i < 4; i++) await finish(next, 'a');
    t.match(bulkhead, { active: 1, queued: 0 });
    await finish(next, 'b');
    t.match(bulkhead, { active: 0, queued: 0 });
  });

  t.test('times a waiter out that it has moved', async (t) => {
    const { clock, stage, bulkhead, reload } = build();
    startAll(stage, 'a', 'a');
    const [waiting] = startAll(stage, 'a');
    await clock.advance(600);
    reload({ perKey: { header: 'X-Tenant', maxConcurrent: 2 }, maxConcurrent: 2 });
    await clock.advance(400);
    t.match(await failureOf(waiting!.reply), { reason: 'bulkhead-timeout' });
    t.match(bulkhead, { active: 2, queued: 0 });
    t.equal(clock.pending, 0);
  });
});
