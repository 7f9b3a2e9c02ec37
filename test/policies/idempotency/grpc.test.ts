/** gRPC calls with a key. */
import t from 'tap';
import { idempotency } from '../../../src/policies/idempotency/index.js';
import { fakeBody, fakeContext } from '../../support/fake-call.js';
import { FakeClock } from '../../support/fake-clock.js';
import { begun, grpcCall } from '../../support/fake-grpc.js';
import { FakeStage } from '../../support/fake-stage.js';
import { settingsOf } from '../../support/settings.js';

t.test('idempotency keeps no response, and reads no request', async (t) => {
  const next = new FakeStage();
  const settings = settingsOf('idempotency', { required: true });
  const context = fakeContext(new FakeClock());
  const stage = idempotency.create({ idempotency: settings }, context)!.wrap(next);
  const call = grpcCall({
    headers: ['Idempotency-Key', 'k'],
    body: fakeBody('', { readAhead: () => Promise.reject(new Error('it reads')) }),
  });
  for (let i = 0; i < 2; i++) {
    const reply = stage.run(call);
    const given = next.last.respond(begun);
    t.equal(await reply, given);
  }
  t.equal(next.runs.length, 2);
});
