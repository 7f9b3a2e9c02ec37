/** The example of docs/adding-a-policy.md works as it stands there, and needs no change to another file. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { loadText } from '../../src/config/load.js';
import { fileSchemas } from '../../src/config/schema/schema.js';
import { policies } from '../../src/policies/index.js';
import { root } from '../../tools/docs/documents.js';
import { send, startSidecar, startUpstream } from '../support/sidecar.js';
import { documentAt } from './documents.js';
import { requireHeader } from './example/require-header.js';
import { codeBlocks } from './markdown.js';

const extended = [requireHeader, ...policies] as const;

const upstreams = (options: string, target = 'http://a') =>
  `upstreams: { a: { listen: 0, target: "${target}", ${options} }, b: { listen: 0, target: "${target}" } }`;

t.test('the page shows the code that is tested here', async (t) => {
  const shown = codeBlocks(documentAt('docs/adding-a-policy.md').text)[0]!.text;
  const tested = readFileSync(join(root, 'test/docs/example/require-header.ts'), 'utf8');
  t.equal(shown, tested.replaceAll("'../../../src/", "'../../"));
});

t.test('its options are part of the schema, with their mistakes explained', async (t) => {
  t.equal(fileSchemas(extended).file['$defs'].requireHeader, requireHeader.schema);
  const load = (options: string, list = extended as Parameters<typeof loadText>[3]) =>
    loadText(upstreams(options), 'breakwater.yaml', {}, list).diagnostics.map(
      ({ message }) => message,
    );
  t.same(load('requireHeader: { header: X-Tenant }'), []);
  t.match(load('requireHeader: { heder: X-Tenant }'), [/did you mean .*header/]);
  t.match(load('requireHeader: { header: "X Tenant" }'), [/must be the name of a header/]);
  t.match(load('requireHeader: {}', policies), [/unknown key/]);
});

t.test('it works on calls, and is seen from outside', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => response.end('fine'));
  const yaml = upstreams('requireHeader: {}', upstream.url);
  const sidecar = await startSidecar(t, yaml, extended);
  const url = `${sidecar.url('a')}/`;

  const refused = await send(url);
  t.equal(refused.status, 400);
  t.equal(refused.headers['x-breakwater-reason'], 'header-missing');
  t.equal(
    refused.headers['proxy-status'],
    'breakwater; error=http_request_error; details="header-missing"',
  );
  t.match(JSON.parse(refused.text), {
    type: 'urn:breakwater:header-missing',
    title: 'Header missing',
    detail: 'Cannot forward GET to a because it needs the header X-Team',
  });
  t.equal(upstream.seen.length, 0);

  const passed = await send(url, { headers: { 'x-team': 'red' } });
  t.equal(passed.status, 200);
  t.equal(upstream.seen[0]?.headers['x-checked-header'], 'X-Team');
  t.equal((await send(`${sidecar.url('b')}/`)).status, 200, 'it is off by default');
  t.equal(upstream.seen[1]?.headers['x-checked-header'], undefined);

  const counted = (labels: Record<string, string>) =>
    sidecar.metric('breakwater_header_checks_total', labels);
  t.equal(await counted({ upstream: 'a', result: 'missing' }), 1);
  t.equal(await counted({ upstream: 'a', result: 'present' }), 1);
  t.equal(await sidecar.metric('breakwater_rejections_total', { reason: 'header-missing' }), 1);

  const shown = { upstreams: [{ missingHeaders: 1 }, { missingHeaders: null }] };
  t.match(await sidecar.json('/upstreams'), shown);
  t.match(await sidecar.json('/config'), {
    upstreams: { a: { requireHeader: { header: 'X-Team' } }, b: { requireHeader: 'off' } },
  });
  await sidecar.reload();
  t.match(await sidecar.json('/upstreams'), shown, 'its state goes on after a reload');
});
