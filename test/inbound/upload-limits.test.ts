import t from 'tap';
import type { CallFailure } from '../../src/core/errors.js';
import { Upload, type UploadLimits, type UploadOptions } from '../../src/inbound/upload-limits.js';
import { FakeClock } from '../support/fake-clock.js';
import { FakeSource } from '../support/fake-inbound.js';

const IDLE_MS = 1000;

function open(
  source = new FakeSource(),
  limits: Partial<UploadLimits> = {},
  options: Partial<UploadOptions> = {},
) {
  const clock = new FakeClock();
  const errors: CallFailure[] = [];
  const upload = new Upload(
    source,
    { clock, bodyIdleMs: IDLE_MS, maxRequestBody: 10, ...limits },
    {
      upstream: 'catalog',
      replayLimit: 100,
      mayBeSilent: false,
      onLimit: (error) => void errors.push(error),
      ...options,
    },
  );
  const reader = { offer: () => reader.keepsUp, onBodyEnd() {}, keepsUp: true };
  const cursor = upload.body.open();
  return { source, clock, errors, upload, reader, cursor };
}

t.test('the longest body', async (t) => {
  t.test('is judged by the announced length', async (t) => {
    t.equal(open(new FakeSource(10)).upload.refusal(), undefined);
    t.equal(open(new FakeSource()).upload.refusal(), undefined, 'of unknown length');
    t.match(open(new FakeSource(11)).upload.refusal(), {
      reason: 'request-too-large',
      message: /to catalog .* limits\.maxRequestBody, 10 bytes/,
    });
  });

  t.test('is judged by what comes', async (t) => {
    const { source, errors, cursor, reader } = open();
    cursor.sendTo(reader);
    source.send('12345');
    source.send('67890');
    t.same(errors, []);
    source.send('1');
    t.match(errors, [{ reason: 'request-too-large' }]);
  });

  t.test('can be unlimited', async (t) => {
    const { source, errors, upload, cursor, reader } = open(new FakeSource(1000), {
      maxRequestBody: 'off',
    });
    t.equal(upload.refusal(), undefined);
    cursor.sendTo(reader);
    source.send('x'.repeat(1000));
    t.same(errors, []);
  });
});

t.test('silence', async (t) => {
  t.test('of a stream of messages has no limit', async (t) => {
    const { clock, errors, cursor, reader } = open(undefined, {}, { mayBeSilent: true });
    cursor.sendTo(reader);
    await clock.advance(100 * IDLE_MS);
    t.same(errors, []);
    t.equal(clock.pending, 0);
  });

  t.test('counts from the moment that the body is wanted', async (t) => {
    const { clock, errors, cursor, reader } = open();
    await clock.advance(10 * IDLE_MS);
    t.same(errors, []);
    cursor.sendTo(reader);
    await clock.advance(IDLE_MS - 1);
    t.same(errors, []);
    await clock.advance(1);
    t.match(errors, [{ status: 408, message: /to catalog .* 1000 ms \(limits\.bodyIdle\)/ }]);
  });

  t.test('begins anew with each chunk', async (t) => {
    const { source, clock, errors, cursor, reader } = open();
    cursor.sendTo(reader);
    for (let i = 0; i < 5; i++) {
      await clock.advance(IDLE_MS - 1);
      source.send('x');
    }
    t.same(errors, []);
    await clock.advance(IDLE_MS - 1);
    t.same(errors, []);
    await clock.advance(1);
    t.equal(errors.length, 1);
  });

  t.test('is not the fault of a client that is held back', async (t) => {
    const { source, clock, errors, cursor, reader } = open();
    reader.keepsUp = false;
    cursor.sendTo(reader);
    source.send('x');
    await clock.advance(10 * IDLE_MS);
    t.same(errors, []);
    cursor.demand();
    await clock.advance(2 * IDLE_MS);
    t.equal(errors.length, 1);
  });

  t.test('does not matter after the end', async (t) => {
    const { source, clock, errors, cursor, reader } = open();
    cursor.sendTo(reader);
    source.end();
    await clock.advance(10 * IDLE_MS);
    t.same(errors, []);
    t.equal(clock.pending, 0);
  });

  t.test('is not watched where the body came with the head', async (t) => {
    const { clock, cursor } = open(new FakeSource(1, 'x'));
    cursor.takeWhole();
    t.equal(clock.pending, 0);
  });

  t.test('is not watched after the exchange', async (t) => {
    const { source, clock, upload, cursor, reader } = open();
    cursor.sendTo(reader);
    upload.close();
    t.equal(clock.pending, 0);
    t.equal(source.isDiscarded, true);
  });
});
