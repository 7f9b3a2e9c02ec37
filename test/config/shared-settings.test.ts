/** Routes that write the same share their settings. Each still has what it would have by itself. */
import * as fc from 'fast-check';
import t from 'tap';
import { loadText } from '../../src/config/load.js';

const load = (text: string) => {
  const { config, effective, diagnostics } = loadText(text, 'breakwater.yaml', {});
  if (config === undefined) throw new Error(JSON.stringify(diagnostics));
  return { config, effective };
};

interface TestUpstream {
  readonly own: string;
  readonly routes: readonly string[];
}

const yamlOf = (upstreams: readonly TestUpstream[]) =>
  [
    'defaults: { retry: { maxAttempts: 4 } }',
    'upstreams:',
    ...upstreams.flatMap(({ own, routes }, i) => [
      `  u${i}:`,
      `    { prefix: /u${i}, target: "http://127.0.0.1:1"${own}, routes: [`,
      ...routes.map((route, k) => `      { name: r${k}, match: { path: /r${k} }${route} },`),
      '    ] }',
    ]),
  ].join('\n');

/** What a route or an upstream may write; several of them mean the same, or nearly. */
const written = fc.constantFrom(
  '',
  ', retry: off',
  ', retry: false',
  ', retry: on',
  ', retry: { maxAttempts: 2 }',
  ', retry: { maxAttempts: 3 }',
  ', retry: { maxAttempts: 3, statuses: [503] }',
  ', retry: { statuses: [503], maxAttempts: 3 }',
  ', timeout: { attempt: 1s }',
  ', timeout: { attempt: 1000ms }',
  ', retry: off, timeout: { attempt: 1s }',
  ', timeout: { attempt: 1s }, retry: off',
  ', bulkhead: { maxConcurrent: 3 }, circuitBreaker: {}',
  ', fallback: [{ static: { status: 200, body: "a" } }]',
  ', fallback: [{ static: { status: 200, body: "b" } }]',
);

t.test('each route has the settings that it has alone in a file', async (t) => {
  const upstream = fc.record({ own: written, routes: fc.array(written, { maxLength: 6 }) });
  fc.assert(
    fc.property(fc.array(upstream, { minLength: 1, maxLength: 3 }), (upstreams) => {
      const { config } = load(yamlOf(upstreams));
      for (const [i, { own, routes }] of upstreams.entries()) {
        for (const [k, route] of routes.entries()) {
          const alone = load(yamlOf([{ own, routes: [route] }])).config.upstreams[0]!;
          t.same(config.upstreams[i]!.policies, alone.policies);
          t.same(config.upstreams[i]!.routes[k]!.policies, alone.routes[0]!.policies);
        }
      }
    }),
    { numRuns: 60 },
  );
});

t.test('routes of several upstreams that write the same share their settings', async (t) => {
  const same = { own: '', routes: [', retry: off', ', retry: { maxAttempts: 2 }', ', retry: off'] };
  const { config } = load(yamlOf([same, same]));
  const [first, second] = config.upstreams;
  t.equal(first!.policies, second!.policies);
  const settings = [...first!.routes, ...second!.routes].map(({ policies }) => policies);
  t.equal(new Set(settings).size, 2);
});

const attempt = (limit: string) => `, timeout: { attempt: ${limit} }`;

t.test('the same value in quotes is the same, and another one is not', async (t) => {
  const { config } = load(
    yamlOf([{ own: '', routes: [attempt('1s'), attempt('off'), attempt('"1s"')] }]),
  );
  const [one, off, quoted] = config.upstreams[0]!.routes.map(({ policies }) => policies);
  t.equal(one, quoted);
  t.not(one, off);
});

t.test('each route knows where its own values are written', async (t) => {
  const { effective } = load(yamlOf([{ own: '', routes: [', retry: off', ', retry: off'] }]));
  const lines = effective![0]!.routes.map(({ policies }) => {
    const retry = policies.entries.get('retry');
    const origin = retry?.kind === 'leaf' ? retry.origin : undefined;
    return origin?.layer === 'route' ? origin.node.position.line : undefined;
  });
  t.same(lines, [5, 6]);
});
