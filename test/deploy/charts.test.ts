/** What the Helm charts and the kustomization render to: `.ci/chart --write` writes the files in test/deploy/rendered. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { parse, parseAllDocuments } from 'yaml';
import { formatAddress, type Config } from '../../src/config/config.js';
import { formatDiagnostics } from '../../src/config/syntax/diagnostics.js';
import { loadText } from '../../src/config/load.js';
import { readProbePort } from '../../src/inject/places.js';
import { sidecar } from '../../src/inject/sidecar.js';
import { policies } from '../../src/policies/index.js';
import { version } from '../../src/version.js';
import { withoutLookAhead } from '../../tools/chart/values-schema.js';
import { rules, readYaml } from './files.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const rendered = join(root, 'test/deploy/rendered');

interface Port {
  readonly name?: string;
  readonly containerPort: number;
}

interface Container {
  readonly name: string;
  readonly restartPolicy?: string;
  readonly image: string;
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  readonly ports: readonly Port[];
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
  readonly [key: string]: unknown;
}

interface PodSpec {
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes: readonly {
    readonly name: string;
    readonly configMap?: { readonly name: string };
  }[];
  readonly terminationGracePeriodSeconds: number;
}

type Labels = Readonly<Record<string, string>>;

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels: Labels };
  readonly data: Readonly<Record<string, string>>;
  readonly spec: {
    readonly template: { readonly metadata: { readonly labels: Labels }; readonly spec: PodSpec };
    readonly selector: { readonly matchLabels: Labels };
    readonly podSelector: { readonly matchLabels: Labels };
    readonly ports: readonly {
      readonly name: string;
      readonly port: number;
      readonly targetPort: number;
    }[];
    readonly internalTrafficPolicy?: string;
    readonly ingress: readonly {
      readonly ports: readonly { readonly port: number | string }[];
      readonly from?: unknown;
    }[];
    readonly podMetricsEndpoints: readonly { readonly port: string; readonly path: string }[];
    readonly groups: unknown;
    readonly minAvailable?: unknown;
  };
}

/** The manifests of a rendered file. */
class Rendered {
  readonly all: readonly Manifest[];

  constructor(readonly name: string) {
    const text = readFileSync(join(rendered, `${name}.yaml`), 'utf8');
    this.all = (parseAllDocuments(text) as { toJS(): Manifest | null }[]).flatMap(
      (each) => each.toJS() ?? [],
    );
  }

  of(kind: string): Manifest[] {
    return this.all.filter((each) => each.kind === kind);
  }

  one(kind: string): Manifest {
    const found = this.of(kind);
    if (found.length !== 1) throw new Error(`${this.name} has ${found.length} of ${kind}`);
    return found[0]!;
  }

  /** The one with the sidecar. */
  get workload(): Manifest {
    const found = this.all.find(({ spec }) => {
      const pods = spec?.template?.spec;
      return [...(pods?.initContainers ?? []), ...(pods?.containers ?? [])].some(
        ({ name }) => name === 'breakwater',
      );
    });
    if (found === undefined) throw new Error(`${this.name} has no pods with Breakwater`);
    return found;
  }

  get pod(): PodSpec {
    return this.workload.spec.template.spec;
  }

  get breakwater(): Container {
    const { initContainers = [], containers } = this.pod;
    return [...initContainers, ...containers].find(({ name }) => name === 'breakwater')!;
  }

  get config(): Config {
    const found = this.of('ConfigMap').find(({ data }) => data['breakwater.yaml'] !== undefined)!;
    const text = found.data['breakwater.yaml']!;
    const { config, diagnostics } = loadText(text, this.name, {}, policies, { allowsUnset: true });
    if (config === undefined) throw new Error(formatDiagnostics(diagnostics));
    return config;
  }
}

const [defaults, everything, node, example, kustomize] = [
  'chart-defaults',
  'chart-everything',
  'chart-node',
  'chart-example',
  'kustomize-example',
].map((name) => new Rendered(name)) as [Rendered, Rendered, Rendered, Rendered, Rendered];

const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');

t.test('the rendered files are made from the charts as they are now', async (t) => {
  const files = ['deploy/helm', 'deploy/kustomize']
    .flatMap((folder) =>
      (readdirSync(join(root, folder), { recursive: true }) as string[]).map(
        (name) => `${folder}/${name}`,
      ),
    )
    .filter((path) => statSync(join(root, path)).isFile());
  const lines = files
    .toSorted()
    .map((path) => `${sha256(readFileSync(join(root, path)))}  ${path}\n`);
  const hash = sha256(lines.join('')).slice(0, 16);
  for (const name of readdirSync(rendered)) {
    const [head] = readFileSync(join(rendered, name), 'utf8').split('\n');
    t.equal(
      head,
      `# Rendered by .ci/chart --write from files with the hash ${hash}.`,
      `${name}; run .ci/chart --write`,
    );
  }
  t.equal(readdirSync(rendered).length, 5);
});

t.test('the chart has the version of the program', async (t) => {
  t.match(readYaml('helm/breakwater/Chart.yaml'), { version, appVersion: version });
  t.match(readYaml('helm/example/Chart.yaml'), { dependencies: [{ name: 'breakwater', version }] });
  t.equal(example.breakwater.image, `breakwater:${version}`);
  t.match(kustomize.breakwater.image, new RegExp(`:${version}$`));
});

const listens = (each: Rendered) =>
  [each.config.admin.listen, each.config.admin.metrics!].map(formatAddress);

t.test('configurations load, and the admin endpoints are where the values say', async (t) => {
  t.same(listens(defaults), ['unix:/run/breakwater/admin.sock', '0.0.0.0:9901']);
  t.same(listens(example), ['unix:/run/breakwater/admin.sock', '0.0.0.0:9901']);
  t.same(listens(kustomize), ['unix:/run/breakwater/admin.sock', '0.0.0.0:9901']);
  t.same(listens(node), ['127.0.0.1:9900', '0.0.0.0:9901']);
  t.same(listens(everything), ['0.0.0.0:9990', '0.0.0.0:9991']);
  t.equal(everything.config.limits.maxConnections, 2_000_000, 'large numbers stay numbers');
  const { routes } = everything.config.upstreams.find(({ name }) => name === 'catalog')!;
  t.same(
    routes.map(({ name }) => name),
    ['search', 'off'],
    'routes keep their order',
  );
});

for (const each of [everything, node, example, kustomize]) {
  t.test(`${each.name}: probes, ports and volumes fit the configuration`, async (t) => {
    const { breakwater, pod, config } = each;
    const port = readProbePort(config);
    t.ok('value' in port, 'probes reach it');
    const named = breakwater.ports.find(({ name }) => name === 'breakwater');
    t.equal(named?.containerPort, 'value' in port ? port.value : 0);
    const injected = sidecar({ image: '', port: 0, secret: undefined, socketFolder: undefined });
    for (const key of [
      'args',
      'startupProbe',
      'readinessProbe',
      'livenessProbe',
      'securityContext',
    ] as const) {
      t.same(breakwater[key], injected[key], `${key} as inject writes them`);
    }
    const volumes = new Map(pod.volumes.map((volume) => [volume.name, volume]));
    for (const { name } of breakwater.volumeMounts) t.ok(volumes.has(name), name);
    const configMap = volumes.get('breakwater-config')!.configMap!.name;
    t.ok(each.of('ConfigMap').some(({ metadata }) => metadata.name === configMap));
    const socket = breakwater.volumeMounts.find(({ name }) => name === 'breakwater-admin');
    const { listen } = config.admin;
    t.equal(listen.kind === 'unix' ? '/run/breakwater' : undefined, socket?.mountPath);
    const others = pod.containers.filter(({ name }) => name !== 'breakwater');
    for (const { volumeMounts = [] } of others) {
      t.notOk(
        volumeMounts.some(({ name }) => name === 'breakwater-admin'),
        'the socket is for the sidecar only',
      );
    }
    const { delay, grace } = config.shutdown;
    t.ok(pod.terminationGracePeriodSeconds * 1000 > delay + grace, 'it has time to drain');
  });
}

for (const each of [example, kustomize]) {
  t.test(
    `${each.name}: the service has a native sidecar, and calls its upstreams there`,
    async (t) => {
      t.equal(each.pod.initContainers?.[0]?.name, 'breakwater');
      t.equal(each.breakwater.restartPolicy, 'Always');
      const called = each.pod.containers.flatMap(({ env = [] }) => env.map(({ value }) => value));
      const urls = each.config.upstreams.map(({ listen, prefix }) =>
        listen?.kind === 'tcp'
          ? `http://localhost:${listen.port}`
          : `http://localhost:8080${prefix}`,
      );
      t.same(called, urls);
    },
  );
}

t.test('a workload without the annotation gets no sidecar from the component', async (t) => {
  const other = kustomize
    .of('Deployment')
    .find(({ metadata }) => metadata.name === 'orders-cache')!;
  t.notOk(other.spec.template.spec.initContainers);
});

for (const each of [everything, node]) {
  t.test(
    `${each.name}: the gateway has no restartPolicy, and its Service has the ports of the upstreams`,
    async (t) => {
      t.notOk(each.breakwater.restartPolicy);
      const { ports } = each.one('Service').spec;
      const { upstreams, server } = each.config;
      const listeners = [
        ...upstreams.flatMap(({ listen }) => listen ?? []),
        ...(upstreams.some(({ prefix }) => prefix !== undefined) ? [server.listen] : []),
      ];
      const numbers = listeners
        .map((listen) => (listen.kind === 'tcp' ? listen.port : 0))
        .toSorted((a, b) => a - b);
      t.same(
        ports.map(({ port }) => port).toSorted((a, b) => a - b),
        numbers,
      );
      for (const { port, targetPort, name } of ports) {
        t.equal(targetPort, port);
        t.match(name, /^[a-z0-9-]{1,15}$/);
      }
      const open = new Set(each.breakwater.ports.map(({ containerPort }) => containerPort));
      for (const number of numbers) t.ok(open.has(number));
      const policy = each.one('NetworkPolicy').spec;
      const allowed = new Set(policy.ingress.flatMap((rule) => rule.ports.map(({ port }) => port)));
      for (const number of numbers) t.ok(allowed.has(number), 'the policy lets callers in');
    },
  );
}

t.test('one per node serves its own node', async (t) => {
  t.equal(node.workload.kind, 'DaemonSet');
  t.equal(node.one('Service').spec.internalTrafficPolicy, 'Local');
  t.equal(everything.one('Service').spec.internalTrafficPolicy, undefined);
});

t.test('selectors find the pods', async (t) => {
  for (const each of [everything, node, example]) {
    const { labels } = each.workload.spec.template.metadata;
    const selectors = ['PodMonitor', 'PodDisruptionBudget', 'NetworkPolicy']
      .flatMap((kind) => each.of(kind))
      .map(({ spec }) => (spec.podSelector ?? spec.selector).matchLabels);
    t.ok(selectors.length > 0);
    for (const selector of selectors) t.match(labels, selector, each.name);
    t.match(each.one('PodMonitor').spec.podMetricsEndpoints, [
      { port: 'breakwater', path: '/metrics' },
    ]);
  }
  t.match(everything.workload.spec.template.metadata.labels, { app: 'shared-proxy', tier: 'edge' });
});

t.test('alerts and dashboard are those of deploy', async (t) => {
  t.same(everything.one('PrometheusRule').spec.groups, [{ name: 'breakwater', rules }]);
  const dashboard = everything.of('ConfigMap').find(({ data }) => 'breakwater.json' in data)!;
  t.equal(dashboard.metadata.labels['grafana_dashboard'], '1');
  const text = dashboard.data['breakwater.json']!;
  t.match(JSON.parse(text), { uid: 'breakwater' });
  t.notMatch(text, '${DS_PROMETHEUS}');
  t.match(text, '"uid": "P1809F7CD0C75ACF3"');
});

t.test('what is not switched on is not there', async (t) => {
  t.same(
    defaults.all.map(({ kind }) => kind),
    ['ConfigMap'],
  );
});

t.test('every value of the chart is in its schema', async (t) => {
  const values = readYaml('helm/breakwater/values.yaml') as Record<string, unknown>;
  const schema = parse(
    readFileSync(join(root, 'deploy/helm/breakwater/values.schema.json'), 'utf8'),
  ) as {
    readonly properties: Readonly<Record<string, { readonly properties?: object }>>;
  };
  for (const [key, value] of Object.entries(values)) {
    const known = schema.properties[key];
    t.ok(known, key);
    if (known?.properties === undefined) continue;
    for (const inner of Object.keys(value as object))
      t.ok(inner in known.properties, `${key}.${inner}`);
  }
});

t.test('a pattern with look-ahead becomes patterns without it', async (t) => {
  t.same(withoutLookAhead('^a+$'), { every: ['^a+$'], none: [] });
  t.same(withoutLookAhead('^(?=.*[1-9])(?=\\d)(\\d+m(?!s))?$'), {
    every: ['^.*[1-9]', '^\\d', '^(\\d+m)?$'],
    none: [],
  });
  t.same(withoutLookAhead('^(?!(?:a|b)$)[ab]+$'), { every: ['^[ab]+$'], none: ['^(?:a|b)$'] });
  t.throws(() => withoutLookAhead('^a(?=b)'), /Cannot write/);
  t.throws(() => withoutLookAhead('^(?!b)a'), /Cannot write/);
});
