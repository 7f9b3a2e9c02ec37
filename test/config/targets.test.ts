/** `targets`: what is read, and every mistake with its position and what to write instead. */
import t from 'tap';
import { checkText } from '../../src/config/check.js';
import { loadText } from '../../src/config/load.js';
import { formatDiagnostic } from '../../src/config/syntax/diagnostics.js';

/** All diagnostics of a file, without its name. */
function mistakes(text: string): string[] {
  return loadText(text, 'f.yaml', { WEIGHT: '2' }).diagnostics.map((diagnostic) =>
    formatDiagnostic(diagnostic).replace('f.yaml:', ''),
  );
}

const upstream = (keys: string) => `upstreams:\n  a: { listen: 8101, ${keys} }\n`;

/** The items stand from line 5, column 9 on, one a line. */
const listed = (...items: string[]) =>
  `upstreams:\n  a:\n    listen: 8101\n    targets:\n${items.map((item) => `      - ${item}\n`).join('')}`;

function load(text: string) {
  const { config, diagnostics } = loadText(text, 'f.yaml', { WEIGHT: '2' });
  if (config === undefined) throw new Error(diagnostics.map(formatDiagnostic).join('\n'));
  return config;
}

const read = (text: string) =>
  load(text).upstreams[0]!.targets.map(({ target, weight }) => [target.href, weight]);

t.test('reads URLs and mappings; `target` is a list of one', async (t) => {
  const text = listed('http://a', '{ url: "http://b:81", weight: 3 }', '{ url: "http://c" }');
  t.strictSame(read(text), [
    ['http://a', 1],
    ['http://b:81', 3],
    ['http://c', 1],
  ]);
  t.strictSame(read(upstream('target: "http://a"')), [['http://a', 1]]);
  t.strictSame(
    read(listed('{ url: "http://a", weight: "${WEIGHT}" }', '{ url: "http://b", weight: 0.5 }')),
    [
      ['http://a', 2],
      ['http://b', 0.5],
    ],
  );
  t.strictSame(read(listed('http+unix://%2Fa', 'http+unix://%2Fb')).length, 2);
});

t.test('equal paths may be written in two ways', async (t) => {
  t.strictSame(read(listed('http://a/v1', 'HTTP://b/v1/')).length, 2);
});

t.test('the document has them as the file does, so that a reload finds a change', async (t) => {
  const documentOf = (...items: string[]) => {
    const { upstreams } = load(listed(...items)).document as {
      upstreams: Record<string, { targets: unknown; target?: unknown }>;
    };
    return upstreams['a']!;
  };
  const { targets, target } = documentOf('http://a', '{ url: "http://b", weight: 3 }');
  t.strictSame(targets, ['http://a', { url: 'http://b', weight: 3 }]);
  t.equal(target, undefined);
  t.strictSame(load(listed('http://a')), load(listed('http://a')), 'equal files, equal configs');
});

t.test('reads a thousand targets', async (t) => {
  const items = Array.from({ length: 1000 }, (_, i) => `http://10.0.${i >> 8}.${i & 255}:8080`);
  t.equal(read(listed(...items)).length, 1000);
});

const anyWeight =
  'must be a number above 0, up to 1000000 (leave out a target that shall get no calls)';

t.test('tells each mistake where it is', async (t) => {
  const cases: readonly (readonly [string, string, readonly string[]])[] = [
    [
      'both keys',
      upstream('target: "http://a", targets: ["http://b"]'),
      [
        '2:42: error: upstreams.a.targets: cannot stand beside `target` (line 2); write all URLs in `targets`, or keep only `target`',
      ],
    ],
    [
      'neither',
      upstream('retry: off'),
      [
        '2:3: error: upstreams.a: the key `target` is missing: a URL such as http://host:port; several are listed in `targets`',
      ],
    ],
    [
      'an empty list',
      upstream('targets: []'),
      ['2:31: error: upstreams.a.targets: must be a list that is not empty, but is an empty list'],
    ],
    [
      'a URL in place of the list',
      upstream('targets: "http://a"'),
      [
        '2:31: error: upstreams.a.targets: must be a list that is not empty, but is "http://a"; did you mean ["http://a"]?',
      ],
    ],
    [
      'a list in place of the URL',
      upstream('target: ["http://a"]'),
      [
        '2:30: error: upstreams.a.target: must be a URL: http://host:port, https://host:port or http+unix://%2Fpath.sock, but is a list; several URLs are written in `targets`',
      ],
    ],
    [
      'mixed schemes',
      listed('http://a', 'https://b', 'http+unix://%2Fc'),
      [
        '6:9: error: upstreams.a.targets[1]: has the scheme https, but the first target (line 5) has http: all targets of an upstream have the same scheme and the same path; write another upstream for it',
        '7:9: error: upstreams.a.targets[2]: has the scheme http+unix, but the first target (line 5) has http: all targets of an upstream have the same scheme and the same path; write another upstream for it',
      ],
    ],
    [
      'mixed paths',
      listed('http://a/v1', '{ url: "http://b/v2" }', 'http://a'),
      [
        '6:16: error: upstreams.a.targets[1].url: has the path /v2, but the first target (line 5) has the path /v1: all targets of an upstream have the same scheme and the same path; write another upstream for it',
        '7:9: error: upstreams.a.targets[2]: has no path, but the first target (line 5) has the path /v1: all targets of an upstream have the same scheme and the same path; write another upstream for it',
      ],
    ],
    [
      'one address twice, also in another notation',
      listed('http://b', '{ url: "HTTP://B:80/" }', 'http://127.0.0.1:81', 'http://127.1:81'),
      [
        '6:16: error: upstreams.a.targets[1].url: b:80 is in the list already (line 5); write it once, with a larger `weight` if it shall take more calls',
        '8:9: error: upstreams.a.targets[3]: 127.0.0.1:81 is in the list already (line 7); write it once, with a larger `weight` if it shall take more calls',
      ],
    ],
    [
      'one socket twice',
      listed('http+unix://%2Fa', 'http+unix://%2fa/'),
      [
        '6:9: error: upstreams.a.targets[1]: unix:/a is in the list already (line 5); write it once, with a larger `weight` if it shall take more calls',
      ],
    ],
    ...(['0', '-1', '1000001', '.inf', '.nan'] as const).map(
      (weight) =>
        [
          `the weight ${weight}`,
          listed(`{ url: "http://a", weight: ${weight} }`),
          [
            `5:36: error: upstreams.a.targets[0].weight: ${anyWeight}, but is ${{ '.inf': 'Infinity', '.nan': 'NaN' }[weight as string] ?? weight}`,
          ],
        ] as const,
    ),
    [
      'a weight that is no number',
      listed('{ url: "http://a", weight: heavy }'),
      [`5:36: error: upstreams.a.targets[0].weight: ${anyWeight}, but is "heavy"`],
    ],
    [
      'items that are neither',
      listed('5', '[]', '{ weight: 2 }', '{ uri: "http://a" }'),
      [
        '5:9: error: upstreams.a.targets[0]: must be a URL such as http://host:port or a mapping, but is 5',
        '6:9: error: upstreams.a.targets[1]: must be a URL such as http://host:port or a mapping, but is an empty list',
        '7:9: error: upstreams.a.targets[2]: the key `url` is missing: a URL such as http://host:port',
        '8:11: error: upstreams.a.targets[3].uri: is an unknown key; did you mean "url"? allowed are url and weight',
      ],
    ],
    [
      'an item that is no URL',
      listed('a.internal:80'),
      [
        '5:9: error: upstreams.a.targets[0]: must be a URL: http://host:port, https://host:port or http+unix://%2Fpath.sock, each with an optional path, but is "a.internal:80"; did you mean "http://a.internal:80"?',
      ],
    ],
    [
      'TLS for targets without it',
      upstream('targets: ["http://a", "http://b"], tls: { serverName: x }'),
      ['2:62: error: upstreams.a.tls: is for https targets only, but the target is http://a'],
    ],
  ];
  for (const [name, text, expected] of cases) t.strictSame(mistakes(text), expected, name);
});

/** Of a check that allows variables which are not set. */
const rules = (...items: string[]) =>
  checkText(listed(...items), 'f.yaml', {}, { allowsUnset: true }).diagnostics.map(
    ({ rule }) => rule,
  );

t.test('check leaves out targets that need variables which are not set', async (t) => {
  const unset = ['unset-variable', 'no-fallback'];
  t.strictSame(rules('http://${A}').toSorted(), unset.toSorted(), 'the only one');
  const known = 'https://b/v1';
  t.strictSame(rules('http://${A}', known).toSorted(), unset.toSorted(), 'beside others');
  t.strictSame(rules('{ url: "${A}", weight: 2 }', known).toSorted(), unset.toSorted(), 'its URL');
  t.strictSame(
    rules('{ url: "https://a/v1", weight: "${A}" }', known).toSorted(),
    unset.toSorted(),
    'its weight',
  );
});
