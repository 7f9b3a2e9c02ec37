import t from 'tap';
import { UnseenHeads } from '../../../src/inbound/http2/unseen-heads.js';

/** A head of this many bytes is as short as they come in practice. */
const HEAD = 30;

t.test('counts the numbers of streams that were not handed over', async (t) => {
  const heads = new UnseenHeads();
  t.equal(heads.countNew({ lastStreamId: 0, taken: 0, bytes: 100 }), 0);
  t.equal(heads.countNew({ lastStreamId: 5, taken: 3, bytes: 100 + 3 * HEAD }), 0);
  t.equal(heads.countNew({ lastStreamId: 9, taken: 3, bytes: 100 + 5 * HEAD }), 2);
  t.equal(heads.countNew({ lastStreamId: 11, taken: 4, bytes: 100 + 6 * HEAD }), 0, 'each once');
  t.equal(heads.countNew({ lastStreamId: 15, taken: 5, bytes: 100 + 8 * HEAD }), 1);
});

t.test('counts no more than fit into what the client has sent', async (t) => {
  const heads = new UnseenHeads();
  // The largest number there is (RFC 9113, section 5.1.1).
  t.equal(heads.countNew({ lastStreamId: 2 ** 31 - 1, taken: 1, bytes: 89 }), 8);
  t.equal(heads.countNew({ lastStreamId: 2 ** 31 - 1, taken: 1, bytes: 4000 }), 0, 'nor later');
});

t.test('makes up for a stream that was handed over after it was counted', async (t) => {
  const heads = new UnseenHeads();
  t.equal(heads.countNew({ lastStreamId: 1, taken: 0, bytes: HEAD }), 1);
  // Node tells of a stream a little later.
  t.equal(heads.countNew({ lastStreamId: 1, taken: 1, bytes: HEAD }), 0);
  t.equal(heads.countNew({ lastStreamId: 3, taken: 1, bytes: 2 * HEAD }), 0);
  t.equal(heads.countNew({ lastStreamId: 5, taken: 1, bytes: 3 * HEAD }), 1);
});
