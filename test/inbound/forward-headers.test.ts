import t from 'tap';
import { allValues, firstValue, type Fields } from '../../src/http/fields.js';
import { forwardRequestHeaders } from '../../src/inbound/forward-headers.js';
import type { RequestHead } from '../../src/inbound/stream.js';
import { fakeHead } from '../support/fake-inbound.js';

const forward = (fields: Fields, overrides: Partial<RequestHead> = {}) =>
  forwardRequestHeaders(fakeHead({ fields, ...overrides }), 'id-1');

t.test('order, case and repetitions are kept', async (t) => {
  const fields = ['accept', '*/*', 'X-Twice', '1', 'COOKIE', 'a=1', 'X-Twice', '2'];
  t.same(forward(fields).slice(0, fields.length), fields);
});

t.test('what is added to a request without any of it', async (t) => {
  t.same(forward([]), [
    'X-Forwarded-For',
    '192.0.2.7',
    'X-Forwarded-Proto',
    'http',
    'X-Forwarded-Host',
    'shop.example',
    'Via',
    '1.1 breakwater',
    'X-Request-Id',
    'id-1',
  ]);
});

t.test('fields of this hop are taken out', async (t) => {
  const names = [
    'Connection',
    'Keep-Alive',
    'Proxy-Connection',
    'TE',
    'Transfer-Encoding',
    'Upgrade',
    'HTTP2-Settings',
    'Host',
    'Expect',
    'X-Attempt-Count',
  ];
  for (const name of names)
    t.equal(firstValue(forward([name, 'x']), name.toLowerCase()), undefined);
});

t.test('fields that Connection names are taken out', async (t) => {
  const fields = ['Connection', 'X-One, close', 'X-One', '1', 'x-two', '2', 'Connection', 'X-Two'];
  const forwarded = forward([...fields, 'Connection', 'Cookie', 'Cookie', 'a=1']);
  t.equal(firstValue(forwarded, 'x-one'), undefined);
  t.equal(firstValue(forwarded, 'x-two'), undefined);
  t.equal(firstValue(forwarded, 'cookie'), 'a=1', 'without these the request would be another');
});

t.test('the peer', async (t) => {
  const addressFor = (peerAddress: string | undefined) =>
    firstValue(forward([], { peerAddress }), 'x-forwarded-for');

  t.equal(addressFor('2001:db8::1'), '2001:db8::1');
  t.equal(addressFor('::ffff:192.0.2.7'), '192.0.2.7', 'IPv4 in the form of IPv6');
  t.equal(addressFor(undefined), 'unknown', 'a Unix socket');

  const fields = ['X-Forwarded-For', '198.51.100.1', 'x-forwarded-for', '203.0.113.1', 'A', 'b'];
  t.same(
    allValues(forward(fields), 'x-forwarded-for'),
    ['198.51.100.1', '203.0.113.1, 192.0.2.7'],
    'comes after those that hops before have noted',
  );
});

t.test('the protocol is noted by the first hop only', async (t) => {
  t.equal(firstValue(forward([], { isSecure: true }), 'x-forwarded-proto'), 'https');
  const fields = ['X-Forwarded-Proto', 'https', 'X-Forwarded-Host', 'edge.example'];
  const forwarded = forward(fields);
  t.same(allValues(forwarded, 'x-forwarded-proto'), ['https']);
  t.same(allValues(forwarded, 'x-forwarded-host'), ['edge.example']);
  t.equal(firstValue(forward([], { host: undefined }), 'x-forwarded-host'), undefined);
});

t.test('Via names the version of this hop', async (t) => {
  t.equal(firstValue(forward([], { protocolVersion: '2.0' }), 'via'), '2.0 breakwater');
  t.same(allValues(forward(['Via', '1.0 a', 'via', '1.1 b']), 'via'), [
    '1.0 a',
    '1.1 b, 1.1 breakwater',
  ]);
});

t.test('the id is that of the exchange', async (t) => {
  const forwarded = forward(['X-Request-Id', 'one', 'x-request-id', 'two']);
  t.same(allValues(forwarded, 'x-request-id'), ['id-1']);
});

const hopsLeft = (method: string, value: string) =>
  firstValue(forward(['Max-Forwards', value], { method }), 'max-forwards');

t.test('Max-Forwards counts down where it counts', async (t) => {
  t.equal(hopsLeft('TRACE', '3'), '2');
  t.equal(hopsLeft('OPTIONS', '1'), '0');
  t.equal(hopsLeft('GET', '3'), '3');
  t.equal(hopsLeft('TRACE', 'many'), 'many', 'what is no number is left alone');
});

/** The last fields sent for a client that says that about transfer codings. */
const sentFor = (te: string, protocolVersion = '1.1') =>
  forwardRequestHeaders(
    fakeHead({ fields: ['Connection', 'TE', 'TE', te], protocolVersion }),
    'id',
  ).slice(-4);

t.test('says anew that the client accepts trailers', (t) => {
  const said = ['Connection', 'TE', 'TE', 'trailers'];
  t.same(sentFor('trailers'), said);
  t.same(sentFor('deflate;q=0.5, Trailers'), said);
  t.notSame(sentFor('deflate, x-trailers'), said);
  t.notSame(sentFor('trailers', '1.0'), said, 'HTTP/1.0 has no trailers');
  t.end();
});
