/** A body that is taken up to a limit, and beyond it passed on. */
import t from 'tap';
import { CallError } from '../../../src/core/errors.js';
import { collectBody, type CollectedBody } from '../../../src/policies/idempotency/collect-body.js';
import type { Reply, ReplySink } from '../../../src/core/reply.js';
import { FakeReply } from '../../support/fake-reply.js';

/** Counts how often it was asked for more. */
class CountingReply extends FakeReply {
  asked = 0;
  override resume(): void {
    this.asked += 1;
  }
}

/** Takes what comes, and is full after so many chunks. */
function takingSink(mostChunks: number) {
  const seen: string[] = [];
  const sink: ReplySink = {
    onData(bytes) {
      seen.push(bytes.toString());
      return seen.length < mostChunks;
    },
    onEnd: () => void seen.push('end'),
    onError: ({ message }) => void seen.push(message),
  };
  return { seen, sink };
}

const broken = new CallError('upstream-reset', 'broken');

/** A reply of which more came than was wanted, and what is passed on of it. */
async function tooLong(): Promise<{ source: CountingReply; reply: Reply }> {
  const source = new CountingReply({ status: 201, headers: ['a', 'b'] });
  const collected = collectBody(source, 3);
  source.push(Buffer.from('abc'));
  source.push(Buffer.from('d'));
  return { source, reply: (await collected) as Reply };
}

t.test('a body as long as the limit is taken', async (t) => {
  const source = new FakeReply();
  const collected = collectBody(source, 4);
  source.push(Buffer.from('ab'));
  source.push(Buffer.from('cd'));
  source.finish();
  const { chunks, trailers } = (await collected) as CollectedBody;
  t.same(
    chunks.map(({ bytes }) => bytes.toString()),
    ['ab', 'cd'],
  );
  t.same(trailers, []);
});

t.test('the source is told to wait as soon as there is too much', async (t) => {
  const wanted: boolean[] = [];
  const source = new FakeReply();
  void collectBody(source, 3);
  for (const text of ['abc', 'd']) wanted.push(source.sink!.onData(Buffer.from(text)));
  t.same(wanted, [true, false]);
});

t.test('a body that breaks off is not taken', async (t) => {
  const source = new FakeReply();
  const collected = collectBody(source, 3);
  source.push(Buffer.from('a'));
  source.finish(broken);
  await t.rejects(collected, broken);
});

t.test('a body that is too long is passed on from its beginning', async (t) => {
  const { source, reply } = await tooLong();
  t.match(reply, {
    status: 201,
    headers: ['a', 'b'],
    isComplete: false,
    outcome: { kind: 'status' },
  });
  const { seen, sink } = takingSink(10);
  reply.attach(sink);
  t.equal(source.asked, 1, 'the source goes on');
  source.push(Buffer.from('e'));
  source.finish();
  t.same(seen, ['abc', 'd', 'e', 'end']);
  t.ok(reply.isComplete);
});

t.test('a full sink makes the source wait until it asks for more', async (t) => {
  const { source, reply } = await tooLong();
  const { seen, sink } = takingSink(2);
  reply.attach(sink);
  t.same(seen, ['abc', 'd']);
  t.equal(source.asked, 0);
  reply.resume();
  t.equal(source.asked, 1);
});

t.test('what ended before there was a sink ends in it', async (t) => {
  for (const [error, end] of [
    [undefined, 'end'],
    [broken, 'broken'],
  ] as const) {
    const { source, reply } = await tooLong();
    source.finish(error);
    const { seen, sink } = takingSink(10);
    reply.attach(sink);
    t.same(seen, ['abc', 'd', end]);
    t.equal(source.asked, 0, 'nothing more is to come');
  }
});

t.test('a body that is not wanted is let go, with the memory of what still comes', async (t) => {
  const { source, reply } = await tooLong();
  reply.discard();
  t.ok(source.isDiscarded);
  let released = 0;
  t.equal(
    source.sink!.onData(Buffer.from('x'), () => (released += 1)),
    true,
  );
  t.equal(released, 1);
});

t.test('a reply that is passed on is aborted, and its end is told, as the source is', async (t) => {
  const { source, reply } = await tooLong();
  const told: unknown[] = [];
  reply.onFinished((error) => told.push(error));
  reply.abort(broken);
  t.equal(source.error, broken);
  t.same(told, [broken]);
});
