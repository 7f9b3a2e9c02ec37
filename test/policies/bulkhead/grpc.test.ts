/** gRPC calls as streams. */
import t from 'tap';
import { bulkhead } from '../../../src/policies/bulkhead/index.js';
import { fakeContext } from '../../support/fake-call.js';
import { FakeClock } from '../../support/fake-clock.js';
import { begun, grpcCall, trailersOnly } from '../../support/fake-grpc.js';
import { failureOf, FakeStage } from '../../support/fake-stage.js';
import { settingsOf } from '../../support/settings.js';

function build(maxStreams: number | 'off' = 'off') {
  const next = new FakeStage();
  const settings = settingsOf('bulkhead', { maxConcurrent: 1, maxQueue: 0, maxStreams });
  const layer = bulkhead.create({ bulkhead: settings }, fakeContext(new FakeClock()))!;
  const stage = layer.wrap(next);
  return { next, bulkhead: layer.bulkhead, start: () => stage.run(grpcCall()) };
}

t.test('counts a response that has begun as a stream, without a slot', async (t) => {
  const { next, start, ...tested } = build();
  const reply = start();
  const given = next.last.respond(begun);
  await reply;
  t.match(tested.bulkhead, { active: 0, streams: 1 });
  given.finish();
  t.match(tested.bulkhead, { active: 0, streams: 0 });
});

t.test('refuses one stream too many', async (t) => {
  const { next, start } = build(1);
  const reply = start();
  next.last.respond(begun);
  await reply;
  const other = start();
  const given = next.last.respond(begun);
  t.match(await failureOf(other), { reason: 'bulkhead-full', status: 503 });
  t.ok(given.error, 'it is cancelled upstream');
  const third = start();
  next.last.respond(trailersOnly('NOT_FOUND'));
  t.equal(await failureOf(third), undefined, 'no stream');
});
