/** Whatever a collector does, each span is counted once, and the memory is bounded. */
import {
  array,
  assert,
  asyncProperty,
  boolean,
  constant,
  integer,
  nat,
  oneof,
  option,
  record,
  type Arbitrary,
} from 'fast-check';
import t from 'tap';
import type { Collector, Sent } from '../../../src/telemetry/trace/delivery.js';
import { BATCH, PART } from '../../../src/telemetry/trace/encoded-spans.js';
import { Exporter, MAX_WAITING } from '../../../src/telemetry/trace/exporter.js';
import { SERVER, Span } from '../../../src/telemetry/trace/span.js';
import { FakeClock, settle } from '../../support/fake-clock.js';

const identity = {
  traceId: 'a'.repeat(32),
  spanId: 'b'.repeat(16),
  traceFlags: 1,
  isRemote: false,
  traceState: undefined,
};

const span = new Span('GET', SERVER, identity, undefined, [0, 0]);

const sent: Arbitrary<Sent> = oneof(
  record({
    kind: constant('taken' as const),
    rejected: nat(100),
    why: constant(undefined),
  }),
  record({
    kind: constant('later' as const),
    why: constant('busy'),
    afterMs: option(nat(100_000), { nil: undefined }),
  }),
  record({ kind: constant('lost' as const), why: constant('no'), isDown: boolean() }),
);

/** What happens next: spans end, time passes, or a request is responded to. */
const step = oneof(
  record({ add: integer({ min: 1, max: 1500 }) }),
  record({ pass: nat(6000) }),
  record({ respond: sent }),
);

t.test('each span is exported or dropped, once', async () => {
  await assert(
    asyncProperty(array(step, { maxLength: 40 }), async (steps) => {
      const clock = new FakeClock();
      const open: ((sent: Sent) => void)[] = [];
      let most = 0;
      let largest = 0;
      let longest = 0;
      const collector: Collector = {
        format: 'json',
        encode(spans) {
          longest = Math.max(longest, spans.length);
          return new Uint8Array(spans.length);
        },
        send(parts) {
          largest = Math.max(
            largest,
            parts.reduce((sum, { length }) => sum + length, 0),
          );
          return new Promise((resolve) => {
            open.push(resolve);
            most = Math.max(most, open.length);
          });
        },
        close() {
          for (const end of open.splice(0)) end({ kind: 'lost', why: 'over', isDown: false });
        },
      };
      let added = 0;
      let counted = 0;
      const count = (spans: number) => void (counted += spans);
      const exporter = new Exporter(collector, {
        clock,
        random: () => 0.5,
        nextTurn: settle,
        onExported: count,
        onDropped: count,
        onOutcome: () => {},
      });
      for (const each of steps) {
        if ('add' in each) {
          added += each.add;
          for (let i = 0; i < each.add; i++) {
            exporter.add({ toSpan: () => span });
          }
        } else if ('pass' in each) await clock.advance(each.pass);
        else open.shift()?.(each.respond);
        await clock.advance(0);
        if (exporter.size > MAX_WAITING + 4 * BATCH || counted > added) return false;
      }
      const over = exporter.end(1000);
      await clock.advance(1000);
      await over;
      // What is just being encoded ends its turns.
      for (let turn = 0; turn <= BATCH / PART; turn++) await settle();
      return (
        counted === added && most <= 4 && largest <= BATCH && longest <= PART && clock.pending === 0
      );
    }),
    { numRuns: 60 },
  );
});
