/** What is checked of the head of a response beyond its parser. */
import t from 'tap';
import { findFault, trimmed } from '../../../src/outbound/http1/reply-head.js';

t.test('blanks behind a value are no part of it', async (t) => {
  const fields = ['A', 'b ', 'C ', 'd\t', 'E', 'f \t ', 'G', ' h i', 'J', ''];
  t.same(trimmed(fields), ['A', 'b', 'C ', 'd', 'E', 'f', 'G', ' h i', 'J', '']);
});

const head = { status: 200, statusText: 'OK', headers: [] as string[] };

t.test('a sound head has no fault', async (t) => {
  for (const status of [100, 200, 304, 599])
    t.equal(findFault({ ...head, status }, false), undefined);
  for (const statusText of ['', 'Not Found', 'a\tb', 'Cr\u00e9\u00e9'])
    t.equal(findFault({ ...head, statusText }, false), undefined);
  for (const coding of ['chunked', 'Chunked'])
    t.equal(findFault({ ...head, headers: ['Transfer-Encoding', coding] }, false), undefined);
  t.equal(findFault({ ...head, status: 101 }, true), undefined, 'an upgrade that was asked for');
});

t.test('what could not be passed on with its meaning is a fault', async (t) => {
  t.equal(findFault({ ...head, status: 99 }, false), 'bad response: status 99');
  for (const statusText of ['a\u0000', 'a\u007f', 'a\u0100'])
    t.match(findFault({ ...head, statusText }, false), /control characters in its reason phrase/);
  t.equal(
    findFault({ ...head, status: 101 }, false),
    'bad upgrade: 101 without an agreed protocol',
  );
  t.equal(
    findFault(
      { ...head, headers: ['Transfer-Encoding', 'gzip', 'transfer-encoding', 'chunked'] },
      false,
    ),
    'bad response: Transfer-Encoding gzip, chunked',
  );
  t.equal(
    findFault({ ...head, headers: ['Transfer-Encoding', ''] }, false),
    'bad response: Transfer-Encoding without a value',
  );
});
