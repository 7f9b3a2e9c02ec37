import t from 'tap';
import type { BodyCursor, BodyStart } from '../../src/core/request-body.js';
import { ReplayableBody } from '../../src/inbound/request-body.js';
import { settle } from '../support/fake-clock.js';
import { FakeSource } from '../support/fake-inbound.js';

const REPLAY_LIMIT = 4;

function open(source = new FakeSource()) {
  const observer = {
    starts: 0,
    received: 0,
    onStart: () => void (observer.starts += 1),
    onReceived: (bytes: number) => void (observer.received += bytes),
  };
  return { source, observer, body: new ReplayableBody(source, REPLAY_LIMIT, observer) };
}

/** Reads a body by a cursor of its own, as an attempt does. */
function read(body: ReplayableBody, { isSlow = false } = {}) {
  const reader = {
    cursor: body.open() as BodyCursor,
    text: '',
    ends: 0,
    isSlow,
    offer(chunk: Buffer): boolean {
      reader.text += chunk.toString();
      return !reader.isSlow;
    },
    onBodyEnd: () => void (reader.ends += 1),
  };
  reader.cursor.sendTo(reader);
  return reader;
}

const textOf = ({ bytes, isWhole }: BodyStart) => [Buffer.from(bytes).toString(), isWhole] as const;

t.test('nothing is read before it is wanted', async (t) => {
  const { source, observer, body } = open();
  body.open();
  t.equal(source.reader, undefined);
  t.equal(observer.starts, 0);
  t.equal(body.isAwaited, false);
  read(body);
  t.not(source.reader, undefined);
  t.equal(observer.starts, 1);
  t.equal(body.isAwaited, true);
});

t.test('a body flows to its reader, and its size is told', async (t) => {
  const { source, observer, body } = open();
  const reader = read(body);
  source.send('ab');
  source.send('cdefg');
  t.equal(reader.text, 'abcdefg');
  t.equal(reader.ends, 0);
  t.equal(reader.cursor.hasEnded, false);
  source.end(['X-Sum', '1']);
  t.equal(reader.ends, 1);
  t.equal(reader.cursor.hasEnded, true);
  t.same(reader.cursor.trailers, ['X-Sum', '1']);
  t.equal(observer.received, 7);
  t.equal(body.isAwaited, false);
});

t.test('another attempt', async (t) => {
  t.test('reads from the first byte what is remembered, and then what still comes', async (t) => {
    const { source, body } = open();
    const first = read(body);
    source.send('ab');
    first.cursor.close();
    const second = read(body);
    t.equal(second.text, 'ab');
    source.send('cd');
    source.end();
    t.equal(second.text, 'abcd');
    t.equal(second.ends, 1);
    t.equal(first.text, 'ab', 'a closed cursor gets nothing more');
    t.equal(first.ends, 0);
  });

  t.test('finds a body that has ended at once', async (t) => {
    const { source, body } = open();
    const first = read(body);
    source.send('ab');
    source.send('cd');
    source.end();
    first.cursor.close();
    t.equal(body.isReplayable, true);
    const cursor = body.open();
    t.equal(cursor.takeWhole()!.toString(), 'abcd');
    const third = read(body);
    t.same([third.text, third.ends], ['abcd', 1]);
  });

  t.test('is not possible beyond the limit, which the first one does not notice', async (t) => {
    const { source, body } = open();
    const reader = read(body);
    source.send('abcd');
    t.equal(body.isReplayable, true);
    source.send('e');
    t.equal(body.isReplayable, false);
    source.send('f');
    source.end();
    t.equal(reader.text, 'abcdef');
    t.equal(reader.ends, 1);
    t.equal(body.open().takeWhole(), undefined);
  });
});

t.test('a body that came with its head', async (t) => {
  t.test('is taken as one piece, without a flow', async (t) => {
    const { source, observer, body } = open(new FakeSource(3, 'abc'));
    const cursor = body.open();
    t.equal(cursor.length, 3);
    t.equal(cursor.hasEnded, true);
    t.equal(cursor.takeWhole()!.toString(), 'abc');
    t.equal(source.reader, undefined);
    t.same([observer.starts, observer.received], [0, 3]);
    t.equal(body.open().takeWhole()!.toString(), 'abc', 'another attempt takes it again');
    t.equal(observer.received, 3, 'it is counted once');
  });

  t.test('is read when a policy asks before', async (t) => {
    const { source, body } = open(new FakeSource(3, 'abc'));
    const ahead = body.readAhead(10);
    t.equal(body.open().takeWhole(), undefined, 'it flows now');
    source.send('abc');
    source.end();
    t.same(textOf(await ahead), ['abc', true]);
    t.equal(body.open().takeWhole()!.toString(), 'abc');
  });
});

t.test(
  'a body with trailers is not taken as a whole, since it has to be sent in chunks',
  async (t) => {
    const { source, body } = open();
    read(body);
    source.send('ab');
    source.end(['X-Sum', '1']);
    t.equal(body.open().takeWhole(), undefined);
    t.equal(read(body).text, 'ab');
  },
);

t.test('a reader that is behind stops the client until it has caught up', async (t) => {
  const { source, body } = open();
  const reader = read(body, { isSlow: true });
  source.send('a');
  t.equal(source.isPaused, true);
  t.equal(body.isAwaited, false);
  reader.isSlow = false;
  reader.cursor.demand();
  t.equal(source.isPaused, false);
  t.equal(body.isAwaited, true);
  source.send('b');
  t.equal(source.isPaused, false);
});

t.test('two readers at once', async (t) => {
  t.test('go at the pace of the slower one', async (t) => {
    const { source, body } = open();
    const fast = read(body);
    const slow = read(body, { isSlow: true });
    source.send('a');
    t.same([fast.text, slow.text], ['a', 'a']);
    t.equal(source.isPaused, true);
    fast.cursor.demand();
    t.equal(source.isPaused, true, 'the other is still behind');
    slow.cursor.demand();
    t.equal(source.isPaused, false);
    source.send('b');
    source.end();
    t.same([fast.text, slow.text, fast.ends, slow.ends], ['ab', 'ab', 1, 1]);
  });

  t.test('go on at the pace of the one that stays', async (t) => {
    const { source, body } = open();
    const fast = read(body);
    const slow = read(body, { isSlow: true });
    source.send('a');
    slow.cursor.close();
    t.equal(source.isPaused, false);
    source.send('b');
    t.same([fast.text, slow.text], ['ab', 'a']);
    fast.cursor.close();
    t.equal(source.isPaused, true, 'no reader is left');
  });

  t.test('close together where other attempts follow', async (t) => {
    const { source, body } = open();
    const [one, other] = [read(body), read(body)];
    body.closeCursors();
    t.equal(source.isPaused, true);
    source.send('a');
    t.same([one.text, other.text], ['', '']);
    const next = read(body);
    t.equal(source.isPaused, false);
    t.equal(next.text, 'a');
  });

  t.test('may be told apart after one has closed twice', async (t) => {
    const { source, body } = open();
    const [one, other] = [read(body), read(body)];
    one.cursor.close();
    one.cursor.close();
    one.cursor.demand();
    source.send('a');
    t.same([one.text, other.text], ['', 'a']);
  });
});

t.test('reading ahead', async (t) => {
  t.test('gives a short body as a whole', async (t) => {
    const { source, body } = open();
    const ahead = body.readAhead(10);
    source.send('abc');
    source.send('defgh');
    source.end();
    t.same(textOf(await ahead), ['abcdefgh', true]);
    t.same(textOf(await body.readAhead(10)), ['abcdefgh', true], 'again, at once');
    t.equal(read(body).text, 'abcdefgh');
    t.equal(body.isReplayable, true, 'what is in memory anyway can be sent again');
    t.equal(read(body).text, 'abcdefgh');
  });

  t.test('gives the beginning of a long one, and stops the client there', async (t) => {
    const { source, body } = open();
    const ahead = body.readAhead(6);
    source.send('abcdef');
    await settle();
    t.equal(source.isPaused, false);
    source.send('g');
    t.equal(source.isPaused, true);
    t.same(textOf(await ahead), ['abcdefg', false]);
    const reader = read(body);
    t.equal(reader.text, 'abcdefg', 'the first attempt gets what was read');
    t.equal(source.isPaused, false);
    t.equal(body.isReplayable, false, 'no other attempt does');
    source.send('h');
    source.end();
    t.equal(reader.text, 'abcdefgh');
    t.same(textOf(await body.readAhead(6)), ['', false]);
  });

  t.test('gives nothing of an empty body', async (t) => {
    const { source, body } = open();
    const ahead = body.readAhead(10);
    source.end();
    t.same(textOf(await ahead), ['', true]);
  });
});

t.test('at the end of the exchange', async (t) => {
  t.test('the rest is dropped, and the readers get nothing more', async (t) => {
    const { source, body } = open();
    const reader = read(body);
    source.send('a');
    body.close();
    t.equal(source.isDiscarded, true);
    t.equal(body.isReplayable, false, 'what was remembered is forgotten');
    source.send('b');
    t.equal(reader.text, 'a');
  });

  t.test('a body that has ended needs no more', async (t) => {
    const { source, body } = open(new FakeSource(1, 'a'));
    body.open().takeWhole();
    body.close();
    t.equal(source.isDiscarded, false);
  });
});
