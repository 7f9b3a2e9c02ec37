import t, { type Test } from 'tap';
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

const span = (name = 'GET') => ({
  toSpan: () => new Span(name, SERVER, identity, undefined, [0, 0]),
});

const taken: Sent = { kind: 'taken', rejected: 0, why: undefined };
const refused: Sent = { kind: 'later', why: 'connect ECONNREFUSED', afterMs: undefined };

/** A collector whose responses the test gives. */
class FakeCollector implements Collector {
  /** Names of the spans of each request, oldest first. */
  readonly requests: { readonly names: string[]; readonly atMs: number }[] = [];
  readonly open: ((sent: Sent) => void)[] = [];
  /** How many spans each part had. */
  readonly parts: number[] = [];
  isClosed = false;
  readonly format: string;
  readonly #encoded = new Map<Uint8Array, readonly string[]>();
  readonly #clock: FakeClock;
  /** Undefined: requests stay open. */
  response: Sent | undefined;

  constructor(clock: FakeClock, response?: Sent, format = 'json') {
    this.#clock = clock;
    this.format = format;
    this.response = response;
  }

  encode(spans: readonly Span[]): Uint8Array {
    const bytes = new Uint8Array();
    this.#encoded.set(
      bytes,
      spans.map(({ name }) => name),
    );
    this.parts.push(spans.length);
    return bytes;
  }

  send(parts: readonly Uint8Array[]): Promise<Sent> {
    const names = parts.flatMap((part) => this.#encoded.get(part) ?? Array(PART).fill('?'));
    this.requests.push({ names, atMs: this.#clock.now() });
    const { response } = this;
    if (response !== undefined) return Promise.resolve(response);
    return new Promise((resolve) => this.open.push(resolve));
  }

  close(): void {
    this.isClosed = true;
    const why = 'it was given up';
    for (const end of this.open.splice(0)) end({ kind: 'lost', why, isDown: false });
  }

  get sizes(): number[] {
    return this.requests.map(({ names }) => names.length);
  }
}

function open(response?: Sent) {
  const clock = new FakeClock();
  const collector = new FakeCollector(clock, response);
  const counts = { exported: 0, dropped: 0 };
  const outcomes: (string | undefined)[] = [];
  const exporter = new Exporter(collector, {
    clock,
    random: () => 0.5,
    nextTurn: settle,
    onExported: (spans) => void (counts.exported += spans),
    onDropped: (spans) => void (counts.dropped += spans),
    onOutcome: (why) => void outcomes.push(why),
  });
  const add = (count: number) => {
    for (let i = 0; i < count; i++) exporter.add(span());
  };
  return { clock, collector, counts, outcomes, exporter, add };
}

/** Long enough for all turns of a test. */
async function settleAll(clock: FakeClock): Promise<void> {
  for (let i = 0; i < 2 * (MAX_WAITING / PART); i++) await clock.advance(0);
}

t.test('a few spans wait for a second for others', async (t) => {
  const { clock, collector, counts, add, exporter } = open(taken);
  add(2);
  await clock.advance(500);
  add(1);
  await clock.advance(499);
  t.same(collector.sizes, []);
  await clock.advance(1);
  t.same(collector.sizes, [3]);
  t.same(counts, { exported: 3, dropped: 0 });
  t.equal(exporter.size, 0);
  t.equal(clock.pending, 0, 'nothing is scheduled where nothing waits');
  add(1);
  await clock.advance(1000);
  t.same(collector.sizes, [3, 1]);
});

t.test('a full batch goes at once, and no batch is larger', async (t) => {
  const { clock, collector, add } = open(taken);
  add(BATCH * 2 + 5);
  t.same(collector.sizes, [], 'not in the turn of a call');
  await settleAll(clock);
  t.same(collector.sizes, [BATCH, BATCH]);
  await clock.advance(1000);
  t.same(collector.sizes, [BATCH, BATCH, 5]);
});

t.test('each turn encodes one part', async (t) => {
  const { collector, add } = open();
  add(BATCH * 2);
  let before = 0;
  for (let turn = 0; turn < 4 * (BATCH / PART); turn++) {
    await settle();
    t.ok(collector.parts.length - before <= 1);
    before = collector.parts.length;
  }
  t.same(collector.sizes, [BATCH, BATCH]);
  t.equal(Math.max(...collector.parts), PART);
});

t.test('no more than 4 requests are under way', async (t) => {
  const { clock, collector, add, counts } = open();
  for (let i = 0; i < 3; i++) {
    add(BATCH * 2);
    await settleAll(clock);
  }
  t.equal(collector.requests.length, 4);
  collector.open.shift()!(taken);
  await settleAll(clock);
  t.equal(collector.requests.length, 5);
  t.same(counts, { exported: BATCH, dropped: 0 });
});

t.test('the queue is bounded, and what does not fit is counted', async (t) => {
  const { clock, collector, add, counts, exporter } = open();
  add(MAX_WAITING + 10);
  t.same(counts, { exported: 0, dropped: 10 });
  t.equal(exporter.size, MAX_WAITING);
  collector.response = taken;
  await settleAll(clock);
  t.same(counts, { exported: MAX_WAITING, dropped: 10 });
});

t.test('spans that the collector rejects are dropped', async (t) => {
  const why = 'it rejected 3 spans: too old';
  const { clock, add, counts, outcomes } = open({ kind: 'taken', rejected: 3, why });
  add(10);
  await clock.advance(1000);
  t.same(counts, { exported: 7, dropped: 3 });
  t.same(outcomes, [why]);
});

t.test('a collector cannot reject more than it was sent', async (t) => {
  const { clock, add, counts } = open({ kind: 'taken', rejected: 1e9, why: 'all' });
  add(10);
  await clock.advance(1000);
  t.same(counts, { exported: 0, dropped: 10 });
});

t.test('what is lost is not sent again', async (t) => {
  const { clock, collector, add, counts } = open({
    kind: 'lost',
    why: 'it responded 400',
    isDown: false,
  });
  add(10);
  await clock.advance(60_000);
  t.same(collector.sizes, [10]);
  t.same(counts, { exported: 0, dropped: 10 });
});

t.test('spans that cannot be encoded are dropped', async (t) => {
  const { clock, collector, add, counts, outcomes } = open(taken);
  collector.encode = () => {
    throw new TypeError('not a span');
  };
  add(10);
  await clock.advance(1000);
  t.same(counts, { exported: 0, dropped: 10 });
  t.match(outcomes, [/spans cannot be encoded: TypeError: not a span/]);
});

t.test('a collector that is away', async (t) => {
  t.test('is asked again after growing waits, and gets the spans when it is back', async (t) => {
    const { clock, collector, add, counts } = open(refused);
    add(10);
    await clock.advance(1000 + 500 + 1000);
    t.same(
      collector.requests.map(({ atMs }) => atMs),
      [1000, 1500, 2500],
    );
    collector.response = taken;
    await clock.advance(2000);
    t.same(collector.sizes, [10, 10, 10, 10]);
    t.same(counts, { exported: 10, dropped: 0 });
    t.equal(clock.pending, 0);
  });

  t.test('costs a batch after 5 attempts', async (t) => {
    const { clock, collector, add, counts, exporter } = open(refused);
    add(10);
    await clock.advance(20_000);
    t.equal(collector.requests.length, 5);
    t.same(counts, { exported: 0, dropped: 10 });
    t.equal(exporter.size, 0);
  });

  t.test('gets one request at a time', async (t) => {
    const { clock, collector, add } = open(refused);
    add(BATCH * 4);
    await settleAll(clock);
    const together = collector.requests.length;
    await clock.advance(30_000);
    const times = collector.requests.slice(together).map(({ atMs }) => atMs);
    t.equal(new Set(times).size, times.length);
  });

  t.test('is not asked more often because several requests have failed together', async (t) => {
    const { clock, collector, add } = open();
    add(BATCH * 4);
    await settleAll(clock);
    t.equal(collector.requests.length, 4);
    for (const end of collector.open.splice(0)) end(refused);
    await settleAll(clock);
    collector.response = taken;
    await clock.advance(499);
    t.equal(collector.requests.length, 4);
    await clock.advance(1);
    await settleAll(clock);
    t.equal(collector.requests.length, 8, 'after the first wait all of them go again');
  });
});

const later = (afterMs: number): Sent => ({ kind: 'later', why: 'it responded 503', afterMs });

t.test('Retry-After', async (t) => {
  t.test('is a lower bound', async (t) => {
    const { clock, collector, add, counts } = open(later(3000));
    add(1);
    await clock.advance(1000);
    collector.response = taken;
    await clock.advance(2999);
    t.equal(collector.requests.length, 1);
    await clock.advance(1);
    t.equal(collector.requests.length, 2);
    t.same(counts, { exported: 1, dropped: 0 });
  });

  t.test('of 0 does not make it hurry', async (t) => {
    const { clock, collector, add } = open(later(0));
    add(1);
    await clock.advance(1499);
    t.equal(collector.requests.length, 1);
    await clock.advance(1);
    t.equal(collector.requests.length, 2);
  });

  t.test('that is too long costs the batch, and still holds for the next', async (t) => {
    const { clock, collector, add, counts } = open(later(30_000));
    add(1);
    await clock.advance(1000);
    t.same(counts, { exported: 0, dropped: 1 });
    collector.response = taken;
    add(1);
    await clock.advance(29_999);
    t.equal(collector.requests.length, 1);
    await clock.advance(1);
    t.equal(collector.requests.length, 2);
    t.same(counts, { exported: 1, dropped: 1 });
  });

  t.test('holds for a minute at most', async (t) => {
    const { clock, collector, add } = open(later(86_400_000));
    add(1);
    await clock.advance(1000);
    add(1);
    await clock.advance(60_000);
    t.equal(collector.requests.length, 2);
  });
});

t.test(
  'a collector that does not respond is left alone for a while, and nothing is sent twice',
  async (t) => {
    const { clock, collector, add, counts } = open({
      kind: 'lost',
      why: 'it is slow',
      isDown: true,
    });
    add(BATCH);
    await settleAll(clock);
    add(BATCH);
    await settleAll(clock);
    t.equal(collector.requests.length, 1);
    await clock.advance(500);
    await settleAll(clock);
    t.equal(collector.requests.length, 2);
    t.same(counts, { exported: 0, dropped: 2 * BATCH });
  },
);

t.test('at the end', async (t) => {
  t.test('all that waits is sent', async (t) => {
    const { clock, collector, add, counts, exporter } = open(taken);
    add(BATCH * 3 + 7);
    const ended = exporter.end(1000);
    await settleAll(clock);
    await ended;
    t.same(counts, { exported: BATCH * 3 + 7, dropped: 0 });
    t.ok(collector.isClosed);
    t.equal(clock.pending, 0);
    exporter.add(span());
    t.equal(counts.dropped, 1, 'nothing is taken after it');
  });

  t.test('a back-off is cut short, for one more attempt', async (t) => {
    const { clock, collector, add, counts, exporter } = open(refused);
    add(10);
    await clock.advance(1000);
    collector.response = taken;
    const ended = exporter.end(1000);
    await settleAll(clock);
    await ended;
    t.same(collector.sizes, [10, 10]);
    t.same(counts, { exported: 10, dropped: 0 });
  });

  t.test('a collector that is away delays nothing', async (t) => {
    const { clock, collector, add, counts, exporter } = open(refused);
    add(BATCH + 1);
    const ended = exporter.end(1000);
    await settleAll(clock);
    await ended;
    t.same(collector.sizes, [BATCH, 1]);
    t.same(counts, { exported: 0, dropped: BATCH + 1 });
    t.equal(clock.now(), 0);
  });

  t.test('a silent collector costs the limit, and all spans are counted', async (t) => {
    const { clock, collector, add, counts, exporter } = open();
    add(MAX_WAITING);
    let hasEnded = false;
    const ended = exporter.end(1000).then(() => (hasEnded = true));
    await settleAll(clock);
    await clock.advance(999);
    t.notOk(hasEnded);
    await clock.advance(1);
    await ended;
    await settle();
    t.ok(collector.isClosed);
    t.same(counts, { exported: 0, dropped: MAX_WAITING });
  });

  t.test('what is just being encoded when the time is over is counted as well', async (t) => {
    const { clock, collector, add, counts, exporter } = open(taken);
    add(BATCH);
    const ended = exporter.end(0);
    await clock.advance(0);
    await ended;
    await settleAll(clock);
    t.same(collector.sizes, []);
    t.same(counts, { exported: 0, dropped: BATCH });
  });

  t.test('nothing that waits is no reason to wait', async (t) => {
    const { clock, exporter, collector } = open();
    await exporter.end(1000);
    t.equal(clock.now(), 0);
    t.ok(collector.isClosed);
  });
});

t.test('another collector gets what waits, at once', async (t) => {
  const { clock, collector, add, counts, exporter, outcomes } = open();
  add(BATCH);
  await settleAll(clock);
  collector.open.shift()!(refused);
  await settleAll(clock);
  const next = new FakeCollector(clock, taken);
  t.equal(exporter.moveTo(next), collector, 'the one before can be closed');
  await settleAll(clock);
  t.same(next.sizes, [BATCH]);
  t.same(counts, { exported: BATCH, dropped: 0 });
  t.same(outcomes, ['connect ECONNREFUSED', undefined]);
});

t.test('what is encoded for another format goes to the collector before, once', async (t) => {
  const { clock, collector, add, counts, exporter } = open(refused);
  add(PART + 3);
  await settleAll(clock);
  await clock.advance(1000);
  t.same(collector.sizes, [PART + 3]);
  add(PART + 2);
  await settleAll(clock);
  collector.response = taken;
  const next = new FakeCollector(clock, taken, 'protobuf');
  exporter.moveTo(next);
  await settleAll(clock);
  await clock.advance(1000);
  t.same(collector.sizes.slice(1), [PART + 3, PART], 'what waited, and what was to be sent again');
  t.same(next.sizes, [2], 'what was not encoded yet');
  t.same(counts, { exported: 2 * PART + 5, dropped: 0 });
});

t.test('what the collector before says is no news of the next one', async (t: Test) => {
  const { clock, collector, add, exporter, outcomes } = open();
  add(BATCH);
  await settleAll(clock);
  exporter.moveTo(new FakeCollector(clock, taken));
  collector.open.shift()!(refused);
  await settleAll(clock);
  t.notMatch(outcomes, ['connect ECONNREFUSED']);
});
