/** A head as a list says the same as one as an object: which of them is sent depends on the version of Node. */
import * as fc from 'fast-check';
import t from 'tap';
import { listStatus, writeStatus } from '../../../src/inbound/http2/fields.js';
import { requestHeaders, requestList } from '../../../src/outbound/http2/fields.js';

const names = ['X-Tenant', 'x-tenant', 'Set-Cookie', 'Content-Type', 'content-type', 'date', 'TE'];
const fields = fc
  .array(fc.tuple(fc.constantFrom(...names), fc.constantFrom('a', 'b', 'trailers')))
  .map((pairs) => pairs.flat());

/** Values by name, in order. */
function group(list: readonly string[]): Record<string, string[]> {
  const groups: Record<string, string[]> = {};
  for (let i = 0; i < list.length; i += 2) (groups[list[i]!] ??= []).push(list[i + 1]!);
  return groups;
}

const listed = (headers: object): Record<string, string[]> =>
  group(
    Object.entries(headers).flatMap(([name, value]) =>
      [value].flat().flatMap((each: unknown) => [name, String(each)]),
    ),
  );

t.test('of a response', async (t) => {
  fc.assert(
    fc.property(fields, (fields) => {
      t.same(group(listStatus(200, fields)), listed(writeStatus(200, fields)));
    }),
  );
});

t.test('of a request', async (t) => {
  const request = { method: 'POST', path: '/a', authority: 'orders', body: undefined };
  fc.assert(
    fc.property(fields, (fields) => {
      const whole = { ...request, fields, upgrade: undefined };
      t.same(group(requestList(whole, 'http')), listed(requestHeaders(whole, 'http')));
    }),
  );
});

t.test('a field that cannot be written is refused in both forms', async (t) => {
  for (const field of [
    ['a b', 'c'],
    ['a', 'b\nc'],
  ]) {
    t.throws(() => listStatus(200, field), TypeError);
    t.throws(() => writeStatus(200, field), TypeError);
  }
});
