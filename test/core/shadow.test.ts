import t from 'tap';
import { CallError, defineReasons } from '../../src/core/errors.js';
import type { Event } from '../../src/core/events.js';
import { enforce, shownMode, Shadow } from '../../src/core/shadow.js';
import { fakeCall } from '../support/fake-call.js';

const reasons = defineReasons({
  'too-many': { status: 429, title: 'Too many', proxyError: 'http_request_denied' },
  'too-late': { status: 503, title: 'Too late', proxyError: 'http_request_denied' },
});

const refusal = () => new CallError(reasons['too-many'], 'Cannot forward GET to catalog');

function open() {
  const events: Event[] = [];
  const shadow = Shadow.open('shadow', 'limit', reasons, (event) => events.push(event))!;
  return { events, shadow };
}

t.test('there is none where a policy is enforced, and its refusals stand', async (t) => {
  t.equal(
    Shadow.open('enforce', 'limit', reasons, () => t.fail('nothing is told')),
    undefined,
  );
  const [call, error] = [fakeCall(), refusal()];
  t.equal(enforce(undefined, call, error), error);
  t.same(call.shadow, []);
  t.same(shownMode({ shadow: undefined }), {});
});

t.test('a refusal is counted, and the call goes on', async (t) => {
  const { events, shadow } = open();
  const call = fakeCall();
  t.equal(enforce(shadow, call, refusal()), undefined);
  t.same(call.shadow, ['too-many']);
  t.same(events, [{ type: 'shadow-refused', policy: 'limit', reason: 'too-many' }]);
  t.same(shownMode({ shadow }), { mode: 'shadow' });
});

t.test('a call is refused once: whatever follows would not have been', async (t) => {
  const { events, shadow } = open();
  const call = fakeCall();
  t.notOk(shadow.hasRefused(call));
  shadow.note(call, 'too-many');
  shadow.note(call, 'too-many');
  shadow.note(call, 'too-late');
  t.ok(shadow.hasRefused(call));
  t.same(call.shadow, ['too-many']);
  t.equal(events.length, 1);
});

t.test('each policy judges by itself, as if it alone were enforced', async (t) => {
  const { shadow } = open();
  const call = fakeCall();
  call.shadow = ['circuit-open'];
  t.notOk(shadow.hasRefused(call));
  shadow.note(call, 'too-late');
  t.same(call.shadow, ['circuit-open', 'too-late']);
});
