import t from 'tap';
import { startProxy } from '../support/proxy-process.js';
import { eventually } from '../support/sidecar.js';

const file = (attempt: string) => `admin: { listen: "127.0.0.1:0" }
upstreams:
  a:
    listen: "127.0.0.1:0"
    target: "http://127.0.0.1:1"
    timeout: { attempt: ${attempt} }
    routes: [{ name: search, match: { path: "/search/*" }, timeout: { attempt: 1s } }]
`;

t.test('the admin server explains the policy in force, not the file', async (t) => {
  const proxy = startProxy(t, file('7s'));
  await eventually('it is ready', () => proxy.output().includes('breakwater: ready'));
  const [, address] = /admin listens on (\S+)/.exec(proxy.output())!;
  const explain = async (query = '') => (await fetch(`http://${address}/explain/a${query}`)).text();
  t.match(await explain(), /^  attempt: 7s # \S+breakwater\.yaml:6$/m);
  t.match(await explain(), /^  connect: 2s # default$/m);
  const ofRoute = await explain(`?request=${encodeURIComponent('GET /search/x')}`);
  t.match(ofRoute, /^# route search$/m);
  t.match(ofRoute, /^  attempt: 1s # \S+breakwater\.yaml:7$/m);
  const bad = await fetch(`http://${address}/explain/a?request=search`);
  t.equal(bad.status, 400);
  t.match(((await bad.json()) as { detail: string }).detail, /write it as "GET \/path"/);

  proxy.edit('upstreams: [');
  t.equal((await fetch(`http://${address}/reload`, { method: 'POST' })).status, 422);
  t.match(await explain(), /^  attempt: 7s #/m);
  proxy.edit(file('8s'));
  await fetch(`http://${address}/reload`, { method: 'POST' });
  t.match(await explain(), /^  attempt: 8s #/m);
});
