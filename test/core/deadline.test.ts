import t from 'tap';
import { upstreamWallMs, usableMs, type Deadline } from '../../src/core/deadline.js';

const deadline: Deadline = {
  atMs: 5000,
  wallMs: 1_732_154_405_000,
  source: 'header',
  callerAtMs: 5000,
  bufferMs: 50,
};

t.test('tells the upstream an end that is earlier by the buffer', async (t) => {
  t.equal(upstreamWallMs(deadline), 1_732_154_404_950);
  t.equal(upstreamWallMs({ ...deadline, bufferMs: 0 }), 1_732_154_405_000);
});

t.test('leaves an upstream the time until the deadline without the buffer', async (t) => {
  t.equal(usableMs(deadline, 1000), 3950);
  t.equal(usableMs(deadline, 4950), 0);
  t.ok(usableMs(deadline, 4951) < 0);
});
