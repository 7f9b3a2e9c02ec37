/** What is changed of Node for the opening of streams is changed for nothing else. */
import { AsyncResource } from 'node:async_hooks';
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import t from 'tap';
import { requestDirectly } from '../../../src/outbound/http2/direct-request.js';

/** A session whose `request` does only this. */
const sessionOf = (request: () => unknown) => ({ request }) as unknown as ClientHttp2Session;

const open = (request: () => unknown): ClientHttp2Stream =>
  requestDirectly(sessionOf(request), { ':path': '/' }, { endStream: true });

const callback = (text: string): string => `called with ${text}`;

t.test('a callback that a request binds is called as it is', async (t) => {
  const resource = new AsyncResource('TEST');
  open(() => t.equal(resource.bind(callback), callback));
});

t.test('other callbacks are bound as ever', async (t) => {
  const resource = new AsyncResource('TEST');
  open(() => undefined);
  const bound = resource.bind(callback);
  t.not(bound, callback);
  t.equal(bound('a'), 'called with a');
  const owner = { name: 'owner' };
  const nameOf = function nameOf(this: unknown): string {
    return (this as typeof owner).name;
  };
  t.equal(AsyncResource.bind(nameOf as () => string, 'TEST', owner)(), 'owner');
});

t.test('a request that throws leaves nothing behind', async (t) => {
  t.throws(() =>
    open(() => {
      throw new Error('no more streams');
    }),
  );
  t.not(new AsyncResource('TEST').bind(callback), callback);
});
