import t from 'tap';
import { decodeKept, encodeKept, encodeResponse, keptKinds } from '../../src/core/kept-response.js';

const head = { status: 200, statusText: 'Très bien', headers: ['A', 'b'] };
const body = Buffer.from([0, 10, 255]);

t.test('reads what it writes', async (t) => {
  t.same(decodeKept(Buffer.concat(encodeResponse(head, [body]))), {
    kind: keptKinds.response,
    head,
    body,
  });
  t.same(decodeKept(encodeKept(keptKinds.vary, ['accept'])), {
    kind: keptKinds.vary,
    head: ['accept'],
    body: Buffer.alloc(0),
  });
});

t.test('stays the same from release to release', async (t) => {
  const value = Buffer.concat(encodeResponse({}, [body.subarray(0, 1), body.subarray(1)]));
  t.equal(value.toString('hex'), '11000000027b7d000aff');
});

t.test('does not take for a value what it has not written', async (t) => {
  const value = encodeKept(keptKinds.lock, head);
  t.equal(decodeKept(Buffer.alloc(0)), undefined);
  t.equal(decodeKept(value.subarray(0, 4)), undefined, 'cut within the prefix');
  t.equal(decodeKept(value.subarray(0, 20)), undefined, 'cut within the head');
  t.equal(decodeKept(Buffer.from('{"state":"done"}\n')), undefined, 'other text');
  const otherVersion = Buffer.from(value);
  otherVersion[0]! += 0x10;
  t.equal(decodeKept(otherVersion), undefined, 'another version');
  const noJson = Buffer.from(value);
  noJson[5] = 0;
  t.equal(decodeKept(noJson), undefined, 'a head that is no JSON');
});
