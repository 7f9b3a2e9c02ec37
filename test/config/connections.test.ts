/** The keys that say how an upstream is reached: laid over each other like policies, but not per route. */
import t from 'tap';
import { loadText } from '../../src/config/load.js';
import { formatDiagnostics } from '../../src/config/syntax/diagnostics.js';

const target = 'target: "http://a"';
const text = `defaults: { resolve: { maxAge: 1m } }
profiles: { calm: { resolve: { maxAge: off } }, plain: { retry: off } }
upstreams:
  inherits: { listen: 1, ${target} }
  profiled: { listen: 2, ${target}, profile: calm }
  plain: { listen: 3, ${target}, profile: plain }
  own: { listen: 4, ${target}, profile: calm, resolve: { maxAge: 2s } }
`;

t.test('defaults, a profile and the upstream itself are laid over each other', async (t) => {
  const { config } = loadText(text, 'f.yaml', {});
  t.same(
    config!.upstreams.map(({ resolve }) => resolve.maxAge),
    [60_000, 'off', 60_000, 2000],
  );
  const { upstreams } = config!.document as { upstreams: Record<string, { resolve: object }> };
  t.same(upstreams['own']!.resolve, { maxAge: '2s' }, 'as the file would have it');
});

t.test('a route has none', async (t) => {
  const route = `routes: [{ name: r, match: {}, resolve: { maxAge: 1s } }]`;
  const { diagnostics } = loadText(
    `upstreams: { a: { listen: 1, ${target}, ${route} } }`,
    'f.yaml',
    {},
  );
  t.match(formatDiagnostics(diagnostics), /routes\[0\]\.resolve: is an unknown key/);
});
