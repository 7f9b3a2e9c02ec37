/** Hedges of gRPC calls. */
import t from 'tap';
import { hedge } from '../../../src/policies/hedge/index.js';
import { fakeAttempt, fakeContext } from '../../support/fake-call.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
import { begun, grpcCall, trailersOnly } from '../../support/fake-grpc.js';
import { FakeStage } from '../../support/fake-stage.js';
import { settingsOf } from '../../support/settings.js';

t.test('hedging is for calls that may be made twice', async (t) => {
  for (const [grpc, attempts] of [
    ['idempotent', 2],
    ['unsent', 1],
  ] as const) {
    const clock = new FakeClock();
    const next = new FakeStage();
    const settings = {
      hedge: settingsOf('hedge', { methods: ['POST'] }),
      retry: settingsOf('retry', { grpc }),
      idempotency: 'off' as const,
    };
    const call = grpcCall({ body: undefined });
    call.attemptBudget = { tryWithdraw: () => true };
    call.endpoints = { hasOther: () => true };
    const reply = hedge.create(settings, fakeContext(clock))!.wrap(next).run(fakeAttempt(call));
    await clock.advance(1000);
    t.equal(next.runs.length, attempts, grpc);
    if (attempts === 2) next.runs[0]!.respond(trailersOnly('UNAVAILABLE'));
    await settle();
    const good = next.last.respond(begun);
    t.equal(await reply, good);
  }
});
