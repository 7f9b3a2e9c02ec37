/** The live page in a real browser: an outage is seen, acted on, and over. */
import { writeFileSync } from 'node:fs';
import t from 'tap';
import { openTab, withoutBrowser, type Tab } from '../support/browser.js';
import { send, startSidecar, startUpstream } from '../support/sidecar.js';

const inBrowser = { skip: withoutBrowser };

/** Of a row's cell, by its label. */
const cell = (name: string, label: string) =>
  `[...document.querySelectorAll('#rows tr.row')].find((row) => row.innerText.includes(${JSON.stringify(name)}))?.querySelector('[data-label=${JSON.stringify(label)}]')?.innerText`;

const button = (text: string) =>
  `[...document.querySelectorAll('button')].find((each) => each.offsetParent !== null && each.textContent === ${JSON.stringify(text)})`;

const many = (count: number) =>
  Array.from(
    { length: count },
    (_, i) => `  many-${i}: { prefix: /m${i}, target: "http://127.0.0.1:1" }\n`,
  ).join('');

/** Pictures for the documents: `LIVE_PAGE_PICTURES=docs/pictures npx tap dist/test/browser/live-page.test.js`. */
async function keepPicture(tab: Tab, name: string): Promise<void> {
  const folder = process.env['LIVE_PAGE_PICTURES'];
  if (folder !== undefined) writeFileSync(`${folder}/${name}.png`, await tab.picture());
}

const desktop = { width: 1400, height: 590 } as const;

t.test('an outage is seen, acted on, and over', inBrowser, async (t) => {
  let isDown = false;
  const upstream = await startUpstream(t, (_, response) => {
    response.writeHead(isDown ? 500 : 200).end('x');
  });
  const sidecar = await startSidecar(
    t,
    `admin: { listen: "127.0.0.1:0", token: s3cret }
server: { listen: "127.0.0.1:0" }
upstreams:
  catalog:
    prefix: /catalog
    target: ${upstream.url}
    retry: off
    circuitBreaker: { failureThreshold: 5, recoveryTimeout: 60s }
  orders: { prefix: /orders, target: "${upstream.url}" }
`,
  );
  const call = (path: string) => send(sidecar.url('server') + path);
  const tab = await openTab(t);
  await tab.look({ ...desktop, scheme: 'light' });
  await tab.open(`${sidecar.admin}/`);
  await tab.until(`document.querySelectorAll('#rows tr.row').length === 2`);
  t.equal(await tab.read(`document.getElementById('connection').textContent`), 'live');

  for (let i = 0; i < 20; i++) await call('/orders/x');
  for (let i = 0; i < 5; i++) await call('/catalog/x');
  await tab.until(`${cell('catalog', 'State')}?.includes('good')`);
  isDown = true;
  for (let i = 0; i < 10; i++) await call('/catalog/x?secret=keep-secret');
  await tab.until(`${cell('catalog', 'State')}?.includes('open')`);
  const story = await tab.read<string>(`document.getElementById('stories').innerText`);
  t.match(story, /catalog circuit open since \d\d:\d\d:\d\d/);
  t.match(story, /5 failures in a row reached failureThreshold 5/);
  t.match(story, /503 circuit-open/);
  t.match(
    story,
    /so calls are refused: 5 failures .* The last error: The upstream responded 500\./,
  );
  t.match(
    story,
    /In the last 15 s, \d+% got a good .*; the last that was not good was 503 circuit-open/,
  );
  t.match(story, /Some calls are let through as probes; if they succeed, the circuit closes/);
  t.equal(
    await tab.read(`document.querySelector('#rows tr.row button.name').textContent`),
    'catalog',
    'the worst comes first',
  );
  await keepPicture(tab, 'live-page-light');
  await tab.look({ ...desktop, scheme: 'dark' });
  await keepPicture(tab, 'live-page-dark');

  await t.test('by keyboard alone: open the details', async (t) => {
    await tab.read(`document.querySelector('#rows tr.row button.name').focus()`);
    await tab.press('Enter');
    await tab.until(
      `document.querySelector('.below:not([hidden])')?.innerText.includes('Last failed calls')`,
    );
    const text = await tab.read<string>(`document.querySelector('.below:not([hidden])').innerText`);
    t.match(text, /failureThreshold\s+5\s+5/, 'rule, observed value and limit');
    t.match(text, /GET \/x/);
    t.notMatch(text, /keep-secret/);
    await tab.until(`document.querySelectorAll('.uplot canvas').length === 2`);
    await tab.press('Enter');
    await tab.until(`document.querySelector('.below:not([hidden])') === null`);
    await tab.press('Enter');
    await tab.until(button('Force…'));
  });

  await t.test('a wrong token is refused, the right one forces the circuit', async (t) => {
    await tab.read(`${button('Force…')}.click()`);
    t.equal(await tab.read(`document.querySelector('dialog [name=ttl]').value`), '10m');
    await tab.read(`(() => {
      const form = document.querySelector('dialog form');
      form.querySelector('[name=state]').value = 'forced-closed';
      form.querySelector('[name=reason]').value = 'drill';
      form.querySelector('[name=token]').value = 'wrong';
      form.requestSubmit();
    })()`);
    await tab.until(
      `document.querySelector('dialog .result').textContent.startsWith('Refused with 401')`,
    );
    await tab.read(`(() => {
      const form = document.querySelector('dialog form');
      form.querySelector('[name=token]').value = 's3cret';
      form.requestSubmit();
    })()`);
    await tab.until(`document.querySelector('dialog .result').textContent === 'Done.'`);
    await tab.press('Escape');
    await tab.until(`!document.getElementById('dialog').open`);
    t.match(await sidecar.json('/circuits'), {
      circuits: [{ upstream: 'catalog', state: 'forced-closed' }],
    });
    const line = sidecar.logs.find(({ reason }) => reason === 'drill');
    t.match(line, { state: 'forced-closed', ttlMs: 600_000 });
  });

  isDown = false;
  for (let i = 0; i < 5; i++) await call('/catalog/x');
  const response = await fetch(`${sidecar.admin}/circuits/catalog`, {
    method: 'PUT',
    headers: { authorization: 'Bearer s3cret' },
    body: '{"state":"auto"}',
  });
  t.equal(response.status, 200);
  await tab.until(`!${cell('catalog', 'State')}?.includes('open')`);
  t.same(
    tab.errors.filter((error) => !error.includes('401')),
    [],
    'no violation of the policy, and no exception',
  );
});

t.test('a fault is set for a while, seen, and lifted', inBrowser, async (t) => {
  const upstream = await startUpstream(t, (_, response) => response.end('x'));
  const sidecar = await startSidecar(
    t,
    `admin: { listen: "127.0.0.1:0", token: s3cret }
upstreams:
  catalog:
    listen: "127.0.0.1:0"
    target: ${upstream.url}
    retry: off
    routes: [{ name: search, match: { path: "/search/*" } }]
`,
  );
  const call = (path: string) => send(sidecar.url('catalog') + path);
  await call('/search/x');
  const tab = await openTab(t);
  await tab.look({ ...desktop, scheme: 'light' });
  await tab.open(`${sidecar.admin}/`);
  await tab.until(`document.querySelectorAll('#rows tr.row').length === 1`);
  await tab.read(`document.querySelector('#rows tr.row button.name').click()`);
  await tab.until(button('Inject a fault…'));
  await tab.read(`${button('Inject a fault…')}.click()`);
  t.equal(await tab.read(`document.querySelector('dialog [name=ttl]').value`), '10m');
  const submit = (fields: Record<string, string>) =>
    tab.read(`(() => {
      const form = document.querySelector('dialog form');
      for (const [name, value] of Object.entries(${JSON.stringify(fields)})) {
        form.querySelector('[name=' + name + ']').value = value;
      }
      form.requestSubmit();
    })()`);
  const result = `document.querySelector('dialog .result').textContent`;
  const order = { route: 'search', kind: 'abort', share: '150%', status: '418', reason: 'drill' };
  await submit(order);
  await tab.until(`${result}.startsWith('Refused with 401')`);
  await submit({ token: 's3cret' });
  await tab.until(`${result}.includes('fault.abort.share must be a share')`);
  await submit({ share: '100%' });
  await tab.until(`${result} === 'Done.'`);
  await tab.press('Escape');
  t.equal((await call('/search/x')).status, 418);
  t.equal((await call('/')).status, 200);
  t.match(
    sidecar.logs.find(({ reason }) => reason === 'drill'),
    { upstream: 'catalog', route: 'search', ttlMs: 600_000 },
  );

  await tab.until(`${cell('catalog', 'State')}?.includes('fault injected')`);
  const row = `document.querySelector('#rows tr.row').innerText`;
  const shown =
    /Fault of route search: aborts 100% of the attempts with 418, until \d\d:\d\d:\d\d, for another (10|9) min/;
  t.match(await tab.read<string>(row), shown);
  t.match(await tab.read<string>(`document.getElementById('stories').innerText`), shown);
  await tab.read(`document.activeElement.blur()`);
  await tab.until(button('Lift…'));
  await tab.read(`${button('Lift…')}.click()`);
  await submit({});
  await tab.until(`${result} === 'Done.'`);
  await tab.press('Escape');
  t.equal((await call('/search/x')).status, 200);
  await tab.until(`!${row}.includes('Fault of')`);
  t.same(
    tab.errors.filter((error) => !/40[01]/.test(error)),
    [],
  );
});

t.test(
  'a thousand upstreams stay usable, and a phone shows them without scrolling sideways',
  inBrowser,
  async (t) => {
    const sidecar = await startSidecar(
      t,
      `server: { listen: "127.0.0.1:0" }\nupstreams:\n${many(1000)}`,
    );
    const tab = await openTab(t);
    await tab.look({ width: 390, height: 844, scheme: 'light' });
    await tab.open(`${sidecar.admin}/`);
    await tab.until(`document.querySelectorAll('#rows tr.row').length === 100`);
    t.match(await tab.read(`document.getElementById('shown').textContent`), /100 of 1000/);
    t.equal(await tab.read('document.documentElement.scrollWidth'), 390);
    await tab.read(`(() => {
    const search = document.getElementById('search');
    search.value = 'many-777';
    search.dispatchEvent(new Event('input'));
  })()`);
    await tab.until(`document.querySelectorAll('#rows tr.row').length === 1`);
    await keepPicture(tab, 'live-page-phone');
    // Without a token the page may write: it is opened under the machine's own name.
    await tab.read(`${button('Reload configuration…')}.click()`);
    await tab.read(`document.querySelector('dialog form').requestSubmit()`);
    await tab.until(`document.querySelector('dialog .result').textContent === 'Done.'`);
    t.same(tab.errors, []);
  },
);

t.test('a stream that breaks is said, and taken up again', inBrowser, async (t) => {
  const sidecar = await startSidecar(
    t,
    `upstreams: { a: { listen: 0, target: "http://127.0.0.1:1" } }\n`,
  );
  const tab = await openTab(t);
  await tab.look({ ...desktop, scheme: 'light' });
  await tab.open(`${sidecar.admin}/`);
  await tab.until(`document.getElementById('connection').textContent === 'live'`);
  await sidecar.stop();
  await tab.until(
    `document.getElementById('connection').textContent.startsWith('connection lost')`,
  );
  t.ok(await tab.read(`document.body.classList.contains('old')`));
});
