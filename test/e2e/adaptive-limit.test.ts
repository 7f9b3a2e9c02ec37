/** `bulkhead.adaptive` with a real upstream: its failures lower the limit, and a reload leaves it where it is. */
import t from 'tap';
import { eventually, send, startSidecar, startUpstream } from '../support/sidecar.js';

t.test('lowers the limit while the upstream fails, and a reload leaves it there', async (t) => {
  let isIll = false;
  let active = 0;
  let most = 0;
  const upstream = await startUpstream(t, (_request, response) => {
    active += 1;
    most = Math.max(most, active);
    setTimeout(() => {
      active -= 1;
      response.statusCode = isIll ? 500 : 200;
      response.end();
    }, 5);
  });
  const yaml = (max: number) => `upstreams:
  a:
    listen: 0
    target: "${upstream.url}"
    retry: off
    circuitBreaker: off
    bulkhead:
      maxConcurrent: 32
      adaptive: { min: 4, max: ${max}, window: 500ms }`;
  const sidecar = await startSidecar(t, yaml(40));
  const limit = () => sidecar.metric('breakwater_bulkhead_limit', { upstream: 'a' });
  t.equal(await limit(), 32, 'it starts at maxConcurrent');

  const calling = { isOver: false };
  const callers = Array.from({ length: 24 }, async () => {
    while (!calling.isOver) await send(sidecar.url('a'));
  });
  await eventually('calls are under way', () => active > 0);
  isIll = true;
  await eventually('the limit is at its least', async () => (await limit()) === 4);
  await eventually('those admitted before have ended', () => active <= 4);
  most = 0;
  await eventually('others have come', () => most > 0);
  t.ok(most <= 4, `${most} at once`);
  t.match(await sidecar.json('/upstreams'), {
    upstreams: [{ name: 'a', bulkhead: { limit: 4 } }],
  });

  calling.isOver = true;
  await Promise.all(callers);
  const before = await limit();
  sidecar.edit(yaml(39));
  t.match(await sidecar.reload(), { kind: 'success' });
  t.equal(await limit(), before, 'what it has learned goes on');
  t.equal(await sidecar.metric('breakwater_bulkhead_active'), 0);
});
