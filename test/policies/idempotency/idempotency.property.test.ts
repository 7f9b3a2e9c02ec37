import * as fc from 'fast-check';
import t from 'tap';
import { CallError } from '../../../src/core/errors.js';
import type { Reply } from '../../../src/core/reply.js';
import { idempotency } from '../../../src/policies/idempotency/index.js';
import { fakeBody, fakeCall, fakeContext } from '../../support/fake-call.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
import { FakeStage, type FakeRun } from '../../support/fake-stage.js';
import { FakeStore } from '../../support/fake-store.js';
import { settingsOf } from '../../support/settings.js';

const LOCK_MS = 50;
const TTL_MS = 200;

type Step =
  | { readonly do: 'start'; readonly key: number; readonly text: string }
  /** Ends one of the calls that run. */
  | { readonly do: 'end'; readonly which: number; readonly status: number | 'failure' }
  | { readonly do: 'wait'; readonly ms: number };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({
      do: fc.constant('start' as const),
      key: fc.nat(1),
      text: fc.constantFrom('a', 'b'),
    }),
    fc.record({
      do: fc.constant('end' as const),
      which: fc.nat(5),
      status: fc.constantFrom(200, 404, 429, 500, 'failure' as const),
    }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 120 }) }),
  ),
  { maxLength: 30, size: 'max' },
);

/** What a key holds in the plainest possible model. */
type Held =
  | { readonly by: number; readonly text: string; readonly untilMs: typeof Infinity }
  | { readonly response: string; readonly text: string; readonly untilMs: number };

/** What became of a call: the upstream's n-th response, its replay, or a refusal. */
async function describe(reply: Promise<Reply>): Promise<string> {
  try {
    const given = await reply;
    const isReplay = given.headers.includes('Idempotency-Replayed');
    return await new Promise((resolve) => {
      let body = '';
      given.attach({
        onData: (chunk) => (body += String(chunk)) !== '',
        onEnd: () => resolve(isReplay ? `replay of ${body}` : body),
        onError: () => resolve('broken'),
      });
    });
  } catch (error) {
    return (error as CallError).reason;
  }
}

t.test('does what a plain model does', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (plan) => {
      const clock = new FakeClock();
      const next = new FakeStage();
      const layer = idempotency.create(
        { idempotency: { ...settingsOf('idempotency'), ttl: TTL_MS, lockTimeout: LOCK_MS } },
        fakeContext(clock),
      )!;
      const stage = layer.wrap(next);

      const held = new Map<number, Held>();
      const running: {
        id: number;
        key: number;
        text: string;
        run: FakeRun;
        end: Promise<string>;
      }[] = [];
      let started = 0;
      const at = (key: number): Held | undefined => {
        const entry = held.get(key);
        return entry !== undefined && clock.now() < entry.untilMs ? entry : undefined;
      };

      for (const step of plan) {
        if (step.do === 'wait') {
          await clock.advance(step.ms);
          continue;
        }
        if (step.do === 'start') {
          const { key, text } = step;
          const id = ++started;
          const runsBefore = next.runs.length;
          const headers = ['Idempotency-Key', `k${key}`];
          const end = describe(
            stage.run(fakeCall({ method: 'POST', headers, body: fakeBody(text) })),
          );
          await settle();
          const entry = at(key);
          if (entry === undefined) {
            if (next.runs.length !== runsBefore + 1) throw new Error(`${id} did not run`);
            // Its lock is renewed, however long it runs.
            held.set(key, { by: id, text, untilMs: Infinity });
            running.push({ id, key, text, run: next.last, end });
            continue;
          }
          if (next.runs.length !== runsBefore) throw new Error(`${id} ran`);
          let expected = 'idempotency-mismatch';
          if (entry.text === text) {
            expected = 'by' in entry ? 'idempotency-in-progress' : `replay of ${entry.response}`;
          }
          const got = await end;
          if (got !== expected) throw new Error(`${id}: ${got} instead of ${expected}`);
          continue;
        }
        const [call] = running.splice(step.which % Math.max(1, running.length), 1);
        if (call === undefined) continue;
        const response = `response ${call.id}`;
        if (step.status === 'failure') call.run.fail(new CallError('upstream-reset', 'Cannot'));
        else call.run.respond({ status: step.status, body: response, isComplete: true });
        const got = await call.end;
        await settle();
        const expected = step.status === 'failure' ? 'upstream-reset' : response;
        if (got !== expected) throw new Error(`${call.id}: ${got} instead of ${expected}`);
        const entry = at(call.key);
        if (entry === undefined || !('by' in entry) || entry.by !== call.id) continue;
        const isKept = step.status === 200 || step.status === 404;
        if (isKept) {
          held.set(call.key, { response, text: call.text, untilMs: clock.now() + TTL_MS });
        } else {
          held.delete(call.key);
        }
      }
    }),
    { numRuns: 300 },
  );
});

type Trouble =
  | { readonly do: 'start'; readonly key: number }
  | { readonly do: 'end'; readonly status: number }
  | { readonly do: 'store'; readonly is: 'well' | 'failing' | 'hanging' | 'emptied' }
  | { readonly do: 'wait'; readonly ms: number };

const troubles: fc.Arbitrary<Trouble[]> = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('start' as const), key: fc.nat(1) }),
    fc.record({
      do: fc.constant('end' as const),
      status: fc.constantFrom(200, 429, 500),
    }),
    fc.record({
      do: fc.constant('store' as const),
      is: fc.constantFrom('well', 'failing', 'hanging', 'emptied'),
    }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 120 }) }),
  ),
  { maxLength: 30, size: 'max' },
);

t.test(
  'whatever happens to the store: no call waits for ever, no key and no timer is left',
  async () => {
    await fc.assert(
      fc.asyncProperty(troubles, fc.constantFrom(0, 100), async (plan, wait) => {
        const clock = new FakeClock();
        const store = new FakeStore(clock);
        const next = new FakeStage();
        const options = { ...settingsOf('idempotency'), ttl: TTL_MS, lockTimeout: LOCK_MS, wait };
        const stage = idempotency
          .create({ idempotency: options }, fakeContext(clock, { store }))!
          .wrap(next);
        const ends: Promise<string>[] = [];
        let ended = 0;
        /** In the order of their starts, so that it is known which ones still run. */
        const endOne = (status: number): void => {
          if (ended < next.runs.length) next.runs[ended++]!.respond({ status, isComplete: true });
        };
        const heal = (): void => {
          store.failure = undefined;
          store.release();
        };
        for (const step of plan) {
          if (step.do === 'wait') await clock.advance(step.ms);
          else if (step.do === 'end') endOne(step.status);
          else if (step.do === 'start') {
            const headers = ['Idempotency-Key', `k${step.key}`];
            ends.push(describe(stage.run(fakeCall({ method: 'POST', headers, body: fakeBody() }))));
          } else {
            heal();
            if (step.is === 'failing') store.failure = new Error('away');
            else if (step.is === 'hanging') store.isHanging = true;
            else if (step.is === 'emptied') store.clear();
          }
          await settle();
        }
        heal();
        // What waits for a key may start once the call before it is over.
        for (let i = 0; i < plan.length + 1; i++) {
          await clock.advance(wait + LOCK_MS);
          while (ended < next.runs.length) endOne(200);
        }
        await Promise.all(ends);
        await clock.advance(TTL_MS + LOCK_MS);
        if (store.keys().length > 0) throw new Error(`left: ${store.keys().join()}`);
        if (clock.pending > 0) throw new Error(`${clock.pending} timers are left`);
      }),
      { numRuns: 300 },
    );
  },
);
