/** A response that goes to the client while a copy of it is kept. */
import t from 'tap';
import { CallError } from '../../../src/core/errors.js';
import { CopiedReply } from '../../../src/policies/fallback/copied-reply.js';
import { FakeReply } from '../../support/fake-reply.js';

function build(maxBytes: number) {
  const source = new FakeReply({ status: 203, headers: ['a', 'b'] });
  const copies: string[] = [];
  const seen: string[] = [];
  const onCopy = (chunks: readonly Uint8Array[]) =>
    void copies.push(Buffer.concat(chunks).toString());
  const reply = new CopiedReply(source, { maxBytes, onCopy });
  const attach = () =>
    reply.attach({
      onData: (bytes, release) => {
        seen.push(bytes.toString());
        release?.();
        return true;
      },
      onEnd: () => void seen.push('end'),
      onError: ({ message }) => void seen.push(message),
    });
  return { source, reply, copies, seen, attach };
}

t.test('looks like its source', async (t) => {
  const { source, reply } = build(3);
  t.match(reply, { status: 203, headers: ['a', 'b'], isComplete: false, outcome: source.outcome });
  source.finish();
  t.ok(reply.isComplete);
});

t.test('what fits is copied, once the client has it', async (t) => {
  const { source, copies, seen, attach } = build(3);
  attach();
  source.push(Buffer.from('ab'));
  source.push(Buffer.from('c'));
  t.same(copies, []);
  source.finish();
  t.same(seen, ['ab', 'c', 'end']);
  t.same(copies, ['abc']);
});

t.test('what is too long goes to the client alone', async (t) => {
  const { source, copies, seen, attach } = build(3);
  attach();
  for (const text of ['ab', 'cd', 'e']) source.push(Buffer.from(text));
  source.finish();
  t.same(seen, ['ab', 'cd', 'e', 'end']);
  t.same(copies, []);
});

t.test('a body that breaks off is not kept', async (t) => {
  const { source, copies, seen, attach } = build(3);
  attach();
  source.push(Buffer.from('ab'));
  source.finish(new CallError('upstream-reset', 'broken'));
  t.same(seen, ['ab', 'broken']);
  t.same(copies, []);
});

t.test('memory is given back when both have read it, or there is no copy', async (t) => {
  const { source, attach } = build(3);
  attach();
  let released = 0;
  const push = (text: string) => source.sink!.onData(Buffer.from(text), () => (released += 1));
  push('ab');
  t.equal(released, 0, 'the copy still needs it');
  push('cd');
  t.equal(released, 2, 'there is no copy any more');
  const whole = build(3);
  whole.attach();
  whole.source.sink!.onData(Buffer.from('ab'), () => (released += 1));
  whole.source.finish();
  t.equal(released, 3);
});

t.test('a response that is not wanted is let go, and one that is aborted too', async (t) => {
  const unwanted = build(3);
  unwanted.reply.discard();
  t.ok(unwanted.source.isDiscarded);
  const broken = new CallError('timeout-total', 'broken');
  const aborted = build(3);
  const told: unknown[] = [];
  aborted.reply.onFinished((error) => told.push(error));
  aborted.reply.abort(broken);
  t.equal(aborted.source.error, broken);
  t.same(told, [broken]);
});
