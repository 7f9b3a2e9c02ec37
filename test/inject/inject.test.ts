/** `inject`: what it adds, that all else stays as it was, and what it refuses. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
import t from 'tap';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { formatDiagnostics } from '../../src/config/syntax/diagnostics.js';
import { inject, type InjectOptions } from '../../src/inject/inject.js';

const folder = fileURLToPath(new URL('../../../test/inject/', import.meta.url));

const defaults: InjectOptions = {
  image: 'breakwater:0.1.0',
  replacesImage: false,
  configMap: undefined,
  secret: undefined,
  variables: new Map(),
  only: undefined,
  configuration: undefined,
  env: {},
};

interface Container {
  readonly name: string;
  readonly image?: string;
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly [key: string]: unknown;
}

interface PodSpec {
  readonly initContainers: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes: readonly { readonly name: string }[];
}

function changed(text: string, options: Partial<InjectOptions> = {}): string {
  const result = inject(text, 'm.yaml', { ...defaults, ...options });
  if (result.text === undefined) throw new Error(formatDiagnostics(result.diagnostics));
  return result.text;
}

/** What it says of manifests that it does not change. */
function refused(text: string, options: Partial<InjectOptions> = {}): string {
  const result = inject(text, 'm.yaml', { ...defaults, ...options });
  return result.text === undefined ? formatDiagnostics(result.diagnostics) : 'changed';
}

const variables = new Map([
  ['CATALOG_URL', 'catalog'],
  ['PAYMENTS_URL', 'payments'],
]);

/** Each manifest, the options for it, and the file that must come out. */
const samples: Readonly<Record<string, Partial<InjectOptions>>> = {
  'all-kinds.yaml': { configMap: 'breakwater', secret: 'breakwater-token', variables },
  'deployment.yaml': { image: 'registry.example.com/breakwater:0.1.0' },
};

for (const [name, options] of Object.entries(samples)) {
  const text = readFileSync(join(folder, 'manifests', name), 'utf8');
  const result = changed(text, options);
  // WRITE_EXPECTED=1 npx tap dist/test/inject/inject.test.js
  if (process.env['WRITE_EXPECTED'] === '1') {
    writeFileSync(join(folder, 'expected', name), result);
  }

  t.test(`${name}: what comes out is what is expected`, async (t) => {
    t.equal(result, readFileSync(join(folder, 'expected', name), 'utf8'));
  });

  t.test(`${name}: a second run changes nothing`, async (t) => {
    t.equal(changed(result, options), result);
    const { changes } = inject(result, 'm.yaml', { ...defaults, ...options });
    for (const { added } of changes) t.same(added, []);
  });

  t.test(`${name}: comments stay`, async (t) => {
    for (const [comment] of text.matchAll(/#.*$/gm)) t.ok(result.includes(comment), comment);
  });
}

const pod = (spec: string) => `kind: Pod\nmetadata: { name: p }\nspec: ${spec}\n`;
const POD = pod('{ containers: [{ name: c }] }');
const specOf = (text: string) => (parse(text) as { spec: PodSpec }).spec;

t.test('lines between the added ones are those of the manifest, whatever ends them', async (t) => {
  const text = `\uFEFF${readFileSync(join(folder, 'manifests/deployment.yaml'), 'utf8').replaceAll('\n', '\r\n')}`;
  const result = changed(text);
  t.notMatch(result, /[^\r]\n/, 'added lines end as the others do');
  const lines = result.split('\r\n');
  let at = 0;
  for (const line of text.split('\r\n')) {
    const found = lines.indexOf(line, at);
    t.ok(found >= at, line);
    at = found + 1;
  }
});

t.test('a manifest without a last newline stays a manifest', async (t) => {
  const text = 'kind: Pod\nmetadata:\n  name: p\nspec:\n  containers:\n    - name: c';
  t.match(specOf(changed(text)), { volumes: [{ name: 'breakwater-config' }] });
});

const names = fc
  .stringMatching(/^[a-z]([a-z0-9-]{0,8}[a-z0-9])?$/)
  .filter((name) => !name.startsWith('breakwater'));
const containers = fc.uniqueArray(
  fc.record(
    {
      name: names,
      image: names,
      args: fc.array(fc.string({ maxLength: 12 }), { maxLength: 3 }),
      env: fc.array(
        fc.record(
          { name: fc.constantFrom('A', 'B'), value: fc.string({ maxLength: 8 }) },
          { noNullPrototype: true },
        ),
        {
          maxLength: 1,
        },
      ),
    },
    { requiredKeys: ['name', 'image'], noNullPrototype: true },
  ),
  { selector: ({ name }) => name, minLength: 1, maxLength: 3 },
);
const specs = fc.record(
  {
    containers,
    initContainers: fc.option(containers),
    volumes: fc.option(
      fc.uniqueArray(
        fc.record({ name: names, emptyDir: fc.constant({}) }, { noNullPrototype: true }),
        {
          selector: ({ name }) => name,
          maxLength: 2,
        },
      ),
    ),
    restartPolicy: fc.constantFrom('Always', 'Never'),
  },
  { requiredKeys: ['containers'], noNullPrototype: true },
);
const styles = fc.record({
  indent: fc.constantFrom(2, 3, 4),
  indentSeq: fc.boolean(),
  lineWidth: fc.constantFrom(0, 20),
  collectionStyle: fc.constantFrom('any' as const, 'flow' as const),
  defaultStringType: fc.constantFrom(
    'PLAIN' as const,
    'QUOTE_DOUBLE' as const,
    'BLOCK_LITERAL' as const,
  ),
  defaultKeyType: fc.constant('PLAIN' as const),
});

/** With comments above lines, indented as these are. */
const withComments = (text: string, at: readonly boolean[]) =>
  text
    .split('\n')
    .map((line, i) =>
      at[i % at.length] ? `${/^[ -]*/.exec(line)![0].replaceAll('-', ' ')}# c${i}\n${line}` : line,
    )
    .join('\n');

t.test('adds the same between comments, which all stay', async (t) => {
  const comments = fc.array(fc.boolean(), { minLength: 1, maxLength: 9 });
  fc.assert(
    fc.property(specs, styles, comments, (spec, { indent, indentSeq }, at) => {
      const manifest = { kind: 'Pod', metadata: { name: 'x' }, spec };
      const bare = stringify(manifest, { indent, indentSeq, lineWidth: 0 });
      const text = withComments(bare, at);
      const result = changed(text);
      t.strictSame(parse(result), parse(changed(bare)));
      t.equal(changed(result), result);
      t.same(result.match(/# c\d+$/gm), text.match(/# c\d+$/gm));
    }),
    { numRuns: 300 },
  );
});

t.test('adds the same to manifests in every style, and nothing else', async (t) => {
  const configuration = {
    file: 'breakwater.yaml',
    text: 'admin: { metrics: "0.0.0.0:9901" }\nupstreams: { catalog: { listen: 8101, target: "http://c" } }\n',
  };
  const options = { configuration, variables: new Map([['B', 'catalog']]) };
  fc.assert(
    fc.property(specs, styles, fc.boolean(), (drawn, style, isJson) => {
      const manifest = {
        kind: 'Deployment',
        metadata: { name: 'x' },
        spec: { template: { spec: drawn } },
      };
      const text = isJson
        ? JSON.stringify(manifest, undefined, style.indent)
        : stringify(manifest, style);
      // As it reads: with an indentation of 3 or 4, the library writes a block that begins with a blank as another text.
      const { spec } = (parse(text) as typeof manifest).spec.template;
      const result = changed(text, options);
      t.equal(changed(result, options), result);
      const { spec: outer } = parse(result) as { spec: { template: { spec: PodSpec } } };
      const { initContainers, containers, volumes, ...rest } = outer.template.spec;
      const [sidecar, ...others] = initContainers;
      const url = { name: 'B', value: 'http://localhost:8101' };
      const withUrl = (each: Container) => {
        const env = each.env ?? [];
        return env.some(({ name }) => name === 'B')
          ? { ...each, env: env.map((one) => (one.name === 'B' ? url : one)) }
          : { ...each, env: [...env, url] };
      };
      t.match(sidecar, { name: 'breakwater', restartPolicy: 'Always', image: 'breakwater:0.1.0' });
      t.strictSame(others, spec.initContainers ?? []);
      t.strictSame(containers, spec.containers.map(withUrl));
      t.strictSame(volumes, [
        ...(spec.volumes ?? []),
        { name: 'breakwater-config', configMap: { name: 'x-breakwater' } },
      ]);
      const { containers: _, initContainers: __, volumes: ___, ...before } = spec;
      t.strictSame(rest, before);
    }),
    { numRuns: 300 },
  );
});

const named = (containerPort: number) => [{ name: 'breakwater', containerPort }];

t.test('takes the port of the probes from the configuration', async (t) => {
  const portWith = (admin: string) => {
    const text = `${admin}\nupstreams: { a: { listen: 1, target: "http://a" } }`;
    const [sidecar] = specOf(
      changed(POD, { configuration: { file: 'b.yaml', text } }),
    ).initContainers;
    return sidecar!['ports'];
  };
  t.same(specOf(changed(POD)).initContainers[0]!['ports'], named(9900), 'the default without one');
  t.same(portWith('admin: { listen: "0.0.0.0:9910" }'), named(9910));
  t.same(portWith('admin: { metrics: "[::]:9911" }'), named(9911));
  t.same(portWith('admin: { metrics: "0.0.0.0:9911", token: "${NOT_HERE}" }'), named(9911));
});

t.test('an address of an upstream is that of its own listener, or of the shared one', async (t) => {
  const text = `admin: { metrics: "0.0.0.0:9901" }
server: { listen: "0.0.0.0:8080" }
upstreams:
  own: { listen: "[::1]:8101", target: "http://a" }
  shared: { prefix: /shared, target: "http://b" }
  both: { listen: 8103, prefix: /both, target: "http://c" }
`;
  const options = {
    configuration: { file: 'b.yaml', text },
    variables: new Map(['own', 'shared', 'both'].map((name) => [name, name])),
  };
  t.same(specOf(changed(POD, options)).containers[0]!.env, [
    { name: 'own', value: 'http://[::1]:8101' },
    { name: 'shared', value: 'http://localhost:8080/shared' },
    { name: 'both', value: 'http://localhost:8103' },
  ]);
});

t.test('replaces an image only where one is given', async (t) => {
  const once = changed(POD);
  const other = { image: 'other:2' };
  t.equal(changed(once, other), once);
  const replaced = changed(once, { ...other, replacesImage: true });
  t.equal(replaced, once.replace('breakwater:0.1.0', 'other:2'));
});

t.test('--only changes one workload', async (t) => {
  const both = `${POD}---\n${POD.replace('name: p', 'name: q')}`;
  const result = changed(both, { only: 'pod/q' });
  const [first, second] = (parseAllDocuments(result) as { toJS(): { spec: PodSpec } }[]).map(
    (each) => each.toJS(),
  );
  t.notOk(first!.spec.initContainers);
  t.ok(second!.spec.initContainers);
  t.equal(
    refused(both, { only: 'pod/r' }),
    'm.yaml:1:1: error: Cannot inject into m.yaml because it has no pod/r; it has pod/p and pod/q\n',
  );
});

const withConfig = (text: string, more: Partial<InjectOptions> = {}): Partial<InjectOptions> => ({
  configuration: { file: 'b.yaml', text },
  ...more,
});
const UPSTREAM = 'upstreams: { a: { listen: 1, target: "http://a" } }';

const refusals: readonly (readonly [
  title: string,
  text: string,
  message: string | RegExp,
  options?: Partial<InjectOptions>,
])[] = [
  [
    'no workload',
    'kind: Service\n',
    '1:1: error: Cannot inject into m.yaml because it has no CronJob, DaemonSet, Deployment, Job, Pod or StatefulSet',
  ],
  ['an empty file', '', /because it has no CronJob/],
  ['no YAML', 'kind: [\n', /^m\.yaml:2:1: error: /],
  [
    'a template',
    'kind: Pod\n{{- if .Values.x }}\n',
    /render it first: helm template \. \| breakwater inject -/,
  ],
  [
    'a workload without pods',
    'kind: Deployment\nmetadata: { name: d }\n',
    '1:1: error: Cannot inject into Deployment d because spec is missing or is not a mapping',
  ],
  [
    'pods without containers',
    pod('{}'),
    '3:7: error: Cannot inject into Pod p because it has no containers',
  ],
  [
    'containers that are no list',
    pod('{ containers: 5 }'),
    '3:21: error: Cannot inject into Pod p because containers is not a list',
  ],
  [
    'a container that is no mapping',
    pod('{ containers: [5] }'),
    '3:22: error: Cannot inject into Pod p because containers[0] is missing or is not a mapping',
  ],
  [
    'an alias',
    `x: &s { containers: [{ name: c }] }\n${pod('*s')}`,
    '4:7: error: Cannot inject into Pod p because spec is the alias *s; write it out',
  ],
  [
    'a merge key',
    `x: &s { containers: [{ name: c }] }\n${pod('{ <<: *s }')}`,
    '4:9: error: Cannot inject into Pod p because spec has the merge key <<; write out what it stands for',
  ],
  [
    'the network of the node',
    pod('{ hostNetwork: true, containers: [{ name: c }] }'),
    /^m\.yaml:3:9: error: Cannot inject into Pod p because hostNetwork is true/,
  ],
  [
    'a container with the name',
    pod('{ containers: [{ name: breakwater }] }'),
    /^m\.yaml:3:22: error: .* because its container breakwater is no init container/,
  ],
  [
    'an init container with the name',
    pod('{ initContainers: [{ name: breakwater }], containers: [{ name: c }] }'),
    /because its init container breakwater is no sidecar: restartPolicy is not Always/,
  ],
  [
    'a port that is taken',
    pod('{ containers: [{ name: c, ports: [{ containerPort: 9900 }] }] }'),
    /^m\.yaml:3:58: error: .* because its container c has the port 9900, .* set admin\.metrics to another port/,
  ],
  [
    'no name',
    'kind: Pod\nspec: { containers: [{ name: c }] }\n',
    /^m\.yaml:1:1: error: Cannot inject into Pod because it has no name to call the ConfigMap by; give --config-map/,
  ],
  [
    'a variable without a configuration',
    POD,
    /because the addresses of upstreams are in the configuration, which is not here; give --config FILE/,
    { variables },
  ],
  [
    'an unknown upstream',
    POD,
    /because the configuration has no upstream catalog; it has a/,
    withConfig(`admin: { metrics: "0.0.0.0:2" }\n${UPSTREAM}`, { variables }),
  ],
  [
    'an upstream on a socket',
    POD,
    /because the upstream a listens on unix:\/a\.sock, which is no URL/,
    withConfig(
      'admin: { metrics: "0.0.0.0:2" }\nupstreams: { a: { listen: "unix:/a.sock", target: "http://a" } }',
      { variables: new Map([['A', 'a']]) },
    ),
  ],
  [
    'a variable from elsewhere',
    pod('{ containers: [{ name: c, env: [{ name: A, valueFrom: {} }] }] }'),
    /^m\.yaml:3:39: error: .* because its variable A is not written as a value/,
    withConfig(`admin: { metrics: "0.0.0.0:2" }\n${UPSTREAM}`, {
      variables: new Map([['A', 'a']]),
    }),
  ],
  [
    'an admin listener on loopback',
    POD,
    /because probes come from outside the pod, and admin\.listen of the configuration is 127\.0\.0\.1:9900, which they do not reach; set admin\.metrics to "0\.0\.0\.0:9901"/,
    withConfig(UPSTREAM),
  ],
  [
    'metrics on loopback',
    POD,
    /and admin\.metrics of the configuration is 127\.0\.0\.1:5/,
    withConfig(`admin: { metrics: 5 }\n${UPSTREAM}`),
  ],
  [
    'a configuration with errors',
    POD,
    'b.yaml:1:1: error: upstreamz: is an unknown key; did you mean "upstreams"?',
    withConfig('upstreamz: {}\n'),
  ],
];

for (const [title, text, message, options] of refusals) {
  t.test(`refuses ${title}`, async (t) => {
    const told = refused(text, options);
    if (typeof message === 'string') t.ok(told.includes(message), told);
    else t.match(told, message);
  });
}

t.test('tells mistakes of the ConfigMap in the lines of the manifest', async (t) => {
  const configMap = `---
apiVersion: v1
kind: ConfigMap
metadata: { name: p-breakwater }
data:
  breakwater.yaml: |
    include: [more.yaml]
    admin: { metrics: 0 }
    upstreams: { a: { lisen: 1, target: "http://a" } }
  more.yaml: |
    upstreams: { b: { listen: 2, target: "http://b" } }
`;
  t.match(
    refused(POD + configMap),
    /^m\.yaml:12:23: error: upstreams\.a\.lisen: is an unknown key/,
  );
  const right = configMap.replace('lisen', 'listen').replace('metrics: 0', 'metrics: "0.0.0.0:7"');
  const options = { variables: new Map([['B', 'b']]) };
  t.match(changed(POD + right, options), '"value":"http://localhost:2"', 'included files count');
});

t.test('changes nothing at all where one of several workloads cannot be changed', async (t) => {
  t.match(refused(`${POD}---\n${pod('{}')}`), /^m\.yaml:7:7: error: /);
});
