import * as fc from 'fast-check';
import t from 'tap';
import { CallError } from '../../../src/core/errors.js';
import type { Reply } from '../../../src/core/reply.js';
import { idempotency } from '../../../src/policies/idempotency/index.js';
import { fakeBody, fakeCall, fakeContext } from '../../support/fake-call.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
import { FakeStage, type FakeRun } from '../../support/fake-stage.js';

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
      status: fc.constantFrom(200, 404, 500, 'failure' as const),
    }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 120 }) }),
  ),
  { maxLength: 30 },
);

/** What a key holds in the plainest possible model. */
type Held =
  | { readonly by: number; readonly text: string; readonly untilMs: number }
  | { readonly answer: string; readonly text: string; readonly untilMs: number };

/** What became of a call: the upstream's n-th answer, its replay, or a refusal. */
async function describe(reply: Promise<Reply>): Promise<string> {
  try {
    const answer = await reply;
    const isReplay = answer.headers.includes('Idempotency-Replayed');
    return await new Promise((resolve) => {
      let body = '';
      answer.attach({
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
        {
          idempotency: {
            header: 'Idempotency-Key',
            methods: ['POST'],
            ttl: TTL_MS,
            lockTimeout: LOCK_MS,
            required: false,
            failClosed: false,
            finishOnHangUp: false,
          },
        },
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
            held.set(key, { by: id, text, untilMs: clock.now() + LOCK_MS });
            running.push({ id, key, text, run: next.last, end });
            continue;
          }
          if (next.runs.length !== runsBefore) throw new Error(`${id} ran`);
          let expected = 'idempotency-mismatch';
          if (entry.text === text) {
            expected = 'by' in entry ? 'idempotency-in-progress' : `replay of ${entry.answer}`;
          }
          const got = await end;
          if (got !== expected) throw new Error(`${id}: ${got} instead of ${expected}`);
          continue;
        }
        const [call] = running.splice(step.which % Math.max(1, running.length), 1);
        if (call === undefined) continue;
        const answer = `answer ${call.id}`;
        if (step.status === 'failure') call.run.fail(new CallError('upstream-reset', 'Cannot'));
        else call.run.answer({ status: step.status, body: answer, isComplete: true });
        const got = await call.end;
        await settle();
        const expected = step.status === 'failure' ? 'upstream-reset' : answer;
        if (got !== expected) throw new Error(`${call.id}: ${got} instead of ${expected}`);
        const entry = at(call.key);
        if (entry === undefined || !('by' in entry) || entry.by !== call.id) continue;
        const isKept = step.status === 200 || step.status === 404;
        if (isKept) {
          held.set(call.key, { answer, text: call.text, untilMs: clock.now() + TTL_MS });
        } else {
          held.delete(call.key);
        }
      }
    }),
    { numRuns: 300 },
  );
});
