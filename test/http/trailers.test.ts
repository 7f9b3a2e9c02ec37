/** Which fields may follow a body to the next hop. */
import t from 'tap';
import { forwardTrailers } from '../../src/http/trailers.js';

t.test('fields that say something of the whole body go on, as they are', async (t) => {
  t.same(forwardTrailers([]), []);
  t.same(forwardTrailers(['X-Sum', '1', 'grpc-status', '0']), ['X-Sum', '1', 'grpc-status', '0']);
});

t.test('fields that would change what has been read do not', async (t) => {
  for (const name of [
    'Content-Length',
    'Transfer-Encoding',
    'Trailer',
    'Set-Cookie',
    'Content-Encoding',
    'Content-Range',
    'Connection',
    'Host',
  ])
    t.same(forwardTrailers(['A', 'b', name, 'x']), ['A', 'b'], name);
});
