/** Which attempts get which fault, and what operators are told of it. */
import t from 'tap';
import { fault } from '../../../src/policies/fault/index.js';
import type { FaultOptions } from '../../../src/policies/fault/options.js';
import type { StandInResponse } from '../../../src/core/intervention.js';
import { FieldEdits } from '../../../src/http/field-edits.js';
import { fakeAttempt, fakeCall, fakeContext } from '../../support/fake-call.js';
import { FAKE_WALL_START_MS, FakeClock } from '../../support/fake-clock.js';
import { grpcCall } from '../../support/fake-grpc.js';
import { FakeStage } from '../../support/fake-stage.js';
import { settingsOf } from '../../support/settings.js';

const none = settingsOf('fault');
const aborting = { ...none, abort: { share: 1, status: 503 } };

/** A layer whose chance is what `drawn` says, number by number, and over again. */
function open(options: FaultOptions, drawn: readonly number[] = [0], previous?: object) {
  const clock = new FakeClock();
  let draws = 0;
  const context = fakeContext(clock, { random: () => drawn[draws++ % drawn.length]! });
  const layer = fault.create({ fault: options }, context, previous as never)!;
  const next = new FakeStage();
  const stage = layer.wrap(next);
  /** @returns what is put in the way of the next attempt of the call. */
  const run = (call = fakeCall()) => {
    const attempt = fakeAttempt(call);
    void stage.run(attempt);
    return attempt.intervention;
  };
  return { ...context, clock, layer, next, stage, run };
}

const asking = (value: string) => fakeCall({ headers: ['x-FAULT', value] });

t.test('without any fault there is no layer', async (t) => {
  const context = fakeContext(new FakeClock());
  t.equal(fault.create({ fault: 'off' }, context), undefined);
  t.equal(fault.create({ fault: none }, context), undefined, 'nothing is switched on');
  t.same(fault.describe(undefined), { fault: null });
});

t.test('an attempt that draws no fault is left alone', async (t) => {
  const { run, next, events } = open({ ...none, abort: { share: 0.01, status: 503 } }, [0.01]);
  const call = fakeCall();
  t.equal(run(call), undefined);
  t.equal(next.runs.length, 1);
  t.same(events, []);
  t.same(call.interventions, []);
});

t.test('an abort is a response in place of the upstream', async (t) => {
  const { run, events } = open({ ...none, abort: { share: 0.01, status: 429 } }, [0.0099]);
  const call = fakeCall();
  t.match(run(call), {
    delayMs: 0,
    instead: {
      status: 429,
      headers: [
        'Content-Type',
        'text/plain; charset=utf-8',
        'Content-Length',
        '51',
        'X-Breakwater-Fault',
        'abort',
      ],
    },
  });
  t.match(events, [{ type: 'fault-injected', kind: 'abort' }]);
  t.same(call.interventions, ['abort']);
});

t.test('the response to HEAD has no body', async (t) => {
  const { run } = open(aborting);
  t.match(run(), {
    instead: { body: Buffer.from('A fault was injected; the upstream was not called.\n') },
  });
  t.match(run(fakeCall({ method: 'HEAD' })), { instead: { body: undefined } });
});

t.test('a gRPC call gets the status that the HTTP status means, in a head alone', async (t) => {
  for (const [status, code] of [
    [503, '14'],
    [401, '16'],
    [403, '7'],
    [500, '2'],
  ] as const) {
    const { run } = open({ ...none, abort: { share: 1, status } });
    const { instead } = run(grpcCall())!;
    t.match(instead, { status: 200, body: undefined });
    t.same((instead as StandInResponse).headers, [
      'content-type',
      'application/grpc',
      'grpc-status',
      code,
      'grpc-message',
      'A fault was injected; the upstream was not called.',
      'x-breakwater-fault',
      'abort',
    ]);
  }
});

t.test('an attempt may be slow and fail as well', async (t) => {
  const { run, events } = open({
    ...none,
    delay: { share: 0.5, time: 2000 },
    reset: { share: 0.5 },
  });
  const call = fakeCall();
  t.same(run(call), { delayMs: 2000, instead: 'reset' });
  t.same(call.interventions, ['delay', 'reset']);
  t.same(
    events.map((event) => 'kind' in event && event.kind),
    ['delay', 'reset'],
  );
});

t.test('abort and reset share one draw, so that each has its share', async (t) => {
  const options = { ...none, abort: { share: 0.2, status: 503 }, reset: { share: 0.3 } };
  const of = (drawn: number) => open(options, [drawn]).run()?.instead;
  t.match(of(0.199), { status: 503 });
  t.equal(of(0.2), 'reset');
  t.equal(of(0.499), 'reset');
  t.equal(of(0.5), undefined);
  const all = { ...none, abort: { share: 1, status: 503 }, reset: { share: 1 } };
  t.match(open(all, [0.999]).run(), { instead: { status: 503 } }, 'aborts come first');
});

t.test('only the first attempts get a fault', async (t) => {
  const { run, layer } = open(
    { ...aborting, abort: { share: 0.5, status: 503 }, first: 2 },
    [0, 0.9],
  );
  t.same(
    Array.from({ length: 6 }, () => run() !== undefined),
    [true, false, true, false, false, false],
    'those that are drawn count',
  );
  t.match(fault.describe(layer), { fault: { first: 2, left: 0 } });
});

t.test('a reload goes on with the count, and begins anew with another fault', async (t) => {
  const options = { ...aborting, first: 2 };
  const before = open(options);
  before.run();
  const after = open({ ...options }, [0], before.layer);
  t.ok(after.run());
  t.notOk(after.run());
  const changed = open({ ...options, first: 1 }, [0], after.layer);
  t.ok(changed.run());
  t.notOk(changed.run());
});

t.test('a request asks by its header, whatever the shares say', async (t) => {
  const { run, stage, layer } = open(
    { ...none, delay: { share: 1, time: 10 }, header: 'X-Fault', first: 1 },
    [0],
  );
  t.match(run(asking('abort=404')), { delayMs: 0, instead: { status: 404 } });
  t.same(run(asking('delay=1m30s')), { delayMs: 90_000, instead: undefined });
  t.same(run(asking('delay=1ms')), { delayMs: 1, instead: undefined });
  t.same(run(asking('delay=1h')), { delayMs: 3_600_000, instead: undefined });
  t.same(run(asking('reset')), { delayMs: 0, instead: 'reset' });
  for (const status of [400, 599])
    t.match(run(asking(`abort=${status}`)), { instead: { status } }, 'the first and the last');
  const twice = asking(' reset , first=2,delay=5ms');
  for (const expected of [true, true, false]) t.equal(run(twice) !== undefined, expected);
  t.equal(stage.refusal(asking('reset')), undefined);
  t.same(run(), { delayMs: 10, instead: undefined }, 'those that ask do not count');
  const edits = new FieldEdits(['x-fault', 'reset', 'A', 'b']);
  layer.requestFields!(edits, fakeAttempt());
  t.same(edits.fields, ['A', 'b'], 'the upstream is not asked for it once more');
});

t.test('a header that cannot be read is refused before there is an attempt', async (t) => {
  const { stage } = open({ ...none, header: 'X-Fault' });
  for (const value of [
    '',
    'abrot=503',
    'abort',
    'abort=',
    'abort=200',
    'abort=600',
    'abort=5e2',
    'abort=503=1',
    'delay',
    'delay=2',
    'delay=0s',
    'delay=0s, reset',
    'delay=61m',
    `delay=${'9'.repeat(400)}h`,
    'reset=1',
    'reset, reset',
    'abort=503, reset',
    'first=2',
    'reset, first=0',
    'reset, first=x',
    'reset,',
    'Reset',
  ]) {
    const refused = stage.refusal(fakeCall({ headers: ['X-Fault', value] }));
    t.match(refused, { reason: 'invalid-fault', status: 400 }, JSON.stringify(value));
    t.match(
      refused?.message,
      'is not one of: delay=2s (up to 1h), abort=503 (400 to 599) or reset',
    );
  }
});

t.test('without `header` a request cannot ask', async (t) => {
  const { run, stage, layer } = open({ ...aborting, abort: { share: 0.5, status: 503 } }, [0.9]);
  const call = fakeCall({ headers: ['X-Breakwater-Fault', 'nonsense'] });
  t.equal(stage.refusal(call), undefined);
  t.equal(run(call), undefined);
  t.equal(layer.requestFields, undefined);
});

t.test('shows what is in force in the notation of the file, and until when', async (t) => {
  const options: FaultOptions = {
    delay: { share: 0.1, time: 1500 },
    abort: { share: 0.0125, status: 500 },
    reset: { share: 0.07 },
    header: 'X-Fault',
    first: 1,
  };
  const clock = new FakeClock();
  const layer = fault.create({ fault: options }, fakeContext(clock, { endsAtMs: 60_000 }));
  t.strictSame(fault.describe(layer), {
    fault: {
      delay: { share: '10%', time: '1500ms' },
      abort: { share: '1.25%', status: 500 },
      reset: { share: '7%' },
      header: 'X-Fault',
      first: 1,
      left: 1,
      until: new Date(FAKE_WALL_START_MS + 60_000).toISOString(),
      summary:
        'delays 10% of the attempts by 1500ms, aborts 1.25% of the attempts with 500, resets 7% of the attempts, does what requests ask for by X-Fault; 1 attempt in all',
    },
  });
  const described = fault.describe(open(aborting).layer);
  t.match(described, { fault: { until: null } });
  t.notMatch(JSON.stringify(described), /off/, 'what is off is not shown');
});

t.test('has a word of caution for the start', async (t) => {
  t.equal(fault.caution({ fault: 'off' }), undefined);
  t.equal(fault.caution({ fault: none }), undefined);
  t.equal(
    fault.caution({ fault: aborting }),
    'has a fault that aborts 100% of the attempts with 503',
  );
});

t.test('an operator cannot set a fault that would do nothing', async (t) => {
  const { objection } = fault.orders;
  t.match(objection(none), /says neither delay, abort, reset nor header/);
  t.equal(objection(aborting), undefined);
  t.equal(objection({ ...none, header: 'X-Fault' }), undefined, 'requests can ask for one');
  t.equal(objection('off'), undefined, 'that of the file is switched off');
});
