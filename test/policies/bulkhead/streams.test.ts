/** Responses without a planned end: they leave their slots, and have a limit of their own. */
import t from 'tap';
import { CallError } from '../../../src/core/errors.js';
import { bulkhead as policy, type BulkheadSettings } from '../../../src/policies/bulkhead/index.js';
import { fakeCall, fakeContext } from '../../support/fake-call.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
import { clientGone, failureOf, FakeStage } from '../../support/fake-stage.js';
import { settingsOf } from '../../support/settings.js';

type Options = Exclude<BulkheadSettings['bulkhead'], 'off'>;

const STREAM = { headers: ['Content-Type', 'Text/Event-Stream; charset=utf-8'] };

function build(options: Partial<Options> = {}) {
  const next = new FakeStage();
  const settings = settingsOf('bulkhead', { maxConcurrent: 1, maxQueue: 0, ...options });
  const context = fakeContext(new FakeClock());
  const layer = policy.create({ bulkhead: settings }, context)!;
  const stage = layer.wrap(next);
  const start = () => {
    const reply = stage.run(fakeCall());
    reply.catch(() => {});
    return reply;
  };
  /** A call whose stream has begun. */
  const open = async () => {
    const reply = start();
    const body = next.last.respond(STREAM);
    await settle();
    return { reply, body };
  };
  const reload = (changes: Partial<Options>) =>
    policy.create({ bulkhead: { ...settings, ...changes } }, context, layer);
  return { next, start, open, reload, layer, bulkhead: layer.bulkhead };
}

t.test('a stream leaves its slot to the next call', async (t) => {
  const { bulkhead, next, open, start } = build();
  const first = await open();
  t.equal(await first.reply, first.body);
  t.match(bulkhead, { active: 0, streams: 1 });
  const second = await open();
  t.match(bulkhead, { active: 0, streams: 2 });
  const plain = start();
  next.last.respond();
  t.equal((await plain).status, 200);
  t.match(bulkhead, { active: 1, streams: 2 });
  second.body.abort(clientGone());
  first.body.finish();
  t.match(bulkhead, { active: 1, streams: 0 }, 'a slot comes back once only');
});

t.test('a stream that is over with its headers is none', async (t) => {
  const { bulkhead, next, start } = build({ maxStreams: 1 });
  for (let i = 0; i < 3; i++) {
    const reply = start();
    next.last.respond({ ...STREAM, isComplete: true });
    t.equal((await reply).status, 200);
    t.match(bulkhead, { active: 0, streams: 0 });
  }
});

t.test('one stream above maxStreams is ended and refused', async (t) => {
  const { bulkhead, open } = build({ maxStreams: 2, queueTimeout: 3000 });
  const [first] = [await open(), await open()];
  const third = await open();
  const error = await failureOf(third.reply);
  t.match(error, {
    reason: 'bulkhead-full',
    status: 503,
    retryAfterMs: 3000,
    message: 'Cannot admit GET to catalog because all 2 streams that its bulkhead allows are open',
  });
  t.equal(third.body.error, error, 'the upstream is told to stop');
  t.match(bulkhead, { active: 0, streams: 2 });
  first!.body.finish();
  t.equal((await (await open()).reply).status, 200, 'there is room again');
});

t.test('a changed maxStreams holds for those that come', async (t) => {
  const { bulkhead, open, reload } = build();
  await open();
  const second = await open();
  reload({ maxStreams: 1 });
  t.equal(bulkhead.streams, 2, 'none is ended');
  second.body.finish();
  t.match(await failureOf((await open()).reply), { reason: 'bulkhead-full' });
});

t.test('a refusal and GET /upstreams say how many streams there are', async (t) => {
  const { layer, open, next, start } = build();
  await open();
  void start();
  t.match(await failureOf(start()), {
    message:
      'Cannot admit GET to catalog because all 1 slots of its bulkhead are taken and 0 calls wait already; besides, 1 stream is open',
  });
  t.same(policy.describe(layer), {
    bulkhead: { active: 1, queued: 0, limit: 1, streams: 1 },
  });
  next.last.fail(new CallError('upstream-reset', 'Cannot'));
  await settle();
  await open();
  void start();
  t.match(await failureOf(start()), { message: /; besides, 2 streams are open$/ });
});
