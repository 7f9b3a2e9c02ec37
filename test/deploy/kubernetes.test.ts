/** The manifests are YAML, their configuration loads, and their ports, names and times fit each other. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import t from 'tap';
import { formatAddress, type Config } from '../../src/config/config.js';
import { formatDiagnostics } from '../../src/config/syntax/diagnostics.js';
import { loadConfig } from '../../src/config/load.js';
import { deployFiles, readDocuments, readText } from './files.js';

interface Metadata {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string | number };
}

interface Variable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly secretKeyRef: { readonly name: string; readonly key: string } };
}

interface Container {
  readonly name: string;
  readonly restartPolicy?: string;
  readonly args?: readonly string[];
  readonly env: readonly Variable[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe?: Probe;
  readonly readinessProbe: Probe;
  readonly livenessProbe?: Probe;
  readonly lifecycle?: unknown;
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly resources: unknown;
  readonly volumeMounts: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly subPath?: string;
  }[];
}

interface Manifest {
  readonly kind: string;
  readonly metadata: Metadata;
}

interface Deployment extends Manifest {
  readonly spec: {
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly template: {
      readonly metadata: Metadata;
      readonly spec: {
        readonly terminationGracePeriodSeconds: number;
        readonly initContainers: readonly Container[];
        readonly containers: readonly Container[];
        readonly volumes: readonly {
          readonly name: string;
          readonly configMap: { readonly name: string };
        }[];
      };
    };
  };
}

interface ConfigMap extends Manifest {
  readonly data: Readonly<Record<string, string>>;
}

interface Service extends Manifest {
  readonly spec: {
    readonly selector: Readonly<Record<string, string>>;
    readonly ports: readonly { readonly port: number; readonly targetPort: string }[];
  };
}

interface PodMonitor extends Manifest {
  readonly spec: {
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly podMetricsEndpoints: readonly { readonly port: string; readonly path: string }[];
  };
}

/** Templates of Helm are no YAML before they are rendered. */
const isTemplate = (file: string) => /^helm\/\w+\/templates\//.test(file);

t.test('every file in deploy parses', async (t) => {
  const yaml = deployFiles.filter((file) => /\.ya?ml$/.test(file) && !isTemplate(file));
  const json = deployFiles.filter((file) => file.endsWith('.json'));
  t.ok(yaml.length >= 6 && json.length > 0, 'there are files');
  for (const file of yaml) {
    t.doesNotThrow(() => {
      t.ok(readDocuments(file).length > 0, `${file} is not empty`);
    }, file);
  }
  for (const file of json) t.doesNotThrow(() => JSON.parse(readText(file)) as unknown, file);
});

const manifests = deployFiles
  .filter((file) => file.startsWith('kubernetes/') && file.endsWith('.yaml'))
  .flatMap((file) => readDocuments(file) as Manifest[]);

function only(kind: string): unknown {
  const [first, ...others] = manifests.filter((manifest) => manifest.kind === kind);
  if (first === undefined || others.length > 0) throw new Error(`there is not one ${kind}`);
  return first;
}

const deployment = only('Deployment') as Deployment;
const configMap = only('ConfigMap') as ConfigMap;
const services = manifests.filter(({ kind }) => kind === 'Service') as Service[];
const podMonitor = only('PodMonitor') as PodMonitor;
const pod = deployment.spec.template;
const sidecar = pod.spec.initContainers[0]!;
const service = pod.spec.containers[0]!;

const FILE = 'breakwater.yaml';

function load(env: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), 'breakwater-deploy-'));
  try {
    const file = join(folder, FILE);
    writeFileSync(file, configMap.data[FILE]!);
    return loadConfig(file, env);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** With the environment that the sidecar is given, and no more. */
function configuration(): Config {
  const env = sidecar.env.map(({ name, value }) => [name, value ?? 'from-the-secret'] as const);
  const { config, diagnostics } = load(Object.fromEntries(env));
  if (config === undefined) throw new Error(formatDiagnostics(diagnostics));
  return config;
}

const portOf = (address: Parameters<typeof formatAddress>[0]) =>
  Number(formatAddress(address).split(':').at(-1));

t.test("the ConfigMap's configuration loads, with the token from the Secret", async (t) => {
  const { config, diagnostics } = load({ ADMIN_TOKEN: 'secret' });
  t.equal(formatDiagnostics(diagnostics), '');
  t.ok(config);
  t.match(configMap.data[FILE], '${ADMIN_TOKEN}');
  const token = sidecar.env.find(({ name }) => name === 'ADMIN_TOKEN');
  t.ok(token?.valueFrom?.secretKeyRef.name, 'the environment has it from a Secret');
  t.equal(load({}).config, undefined, 'without a token it does not start');
});

t.test('the configuration is mounted as a directory, so that its changes are seen', async (t) => {
  const mounts = sidecar.volumeMounts.filter(({ mountPath }) => mountPath === '/etc/breakwater');
  t.equal(mounts.length, 1);
  t.notOk('subPath' in mounts[0]!);
  t.same(sidecar.args, ['run', '--config', posix.join(mounts[0]!.mountPath, FILE)]);
  const volume = pod.spec.volumes.find(({ name }) => name === mounts[0]!.name);
  t.equal(volume?.configMap.name, configMap.metadata.name);
});

t.test('ports agree between configuration, probes, Services and scraping', async (t) => {
  const config = configuration();
  const adminPort = portOf(config.admin.listen);
  t.match(
    formatAddress(config.admin.listen),
    /^0\.0\.0\.0:/,
    'the kubelet comes from outside the pod',
  );
  const port = sidecar.ports.find(({ containerPort }) => containerPort === adminPort);
  t.ok(port, 'the sidecar names the port');

  const probes = {
    '/readyz': [sidecar.startupProbe, sidecar.readinessProbe],
    '/healthz': [sidecar.livenessProbe],
  };
  for (const [path, users] of Object.entries(probes)) {
    for (const probe of users) t.same(probe?.httpGet, { path, port: port!.name });
  }

  t.equal(pod.metadata.annotations?.['prometheus.io/port'], String(adminPort));
  t.match(podMonitor.spec.podMetricsEndpoints, [{ port: port!.name, path: '/metrics' }]);
  const admin = services.find(({ spec }) =>
    spec.ports.some(({ targetPort }) => targetPort === port!.name),
  );
  t.equal(admin?.spec.ports[0]?.port, adminPort, 'the Service has the same number');
  const named = new Set([...sidecar.ports, ...service.ports].map(({ name }) => name));
  for (const { metadata, spec } of services) {
    for (const { targetPort } of spec.ports)
      t.ok(named.has(targetPort), `${metadata.name}: ${targetPort}`);
  }
  const numbers = [...sidecar.ports, ...service.ports].map(({ containerPort }) => containerPort);
  const listeners = config.upstreams.flatMap(({ listen }) =>
    listen === undefined ? [] : [portOf(listen)],
  );
  const all = [...numbers, ...listeners];
  t.equal(new Set(all).size, all.length, 'containers of a pod cannot share a port');
});

t.test('the service calls the ports that its sidecar listens on, and only it can', async (t) => {
  const listens = configuration().upstreams.map(({ listen }) => formatAddress(listen!));
  for (const address of listens) t.match(address, /^127\.0\.0\.1:/);
  const called = service.env.map(({ value }) => new URL(value!));
  for (const { hostname } of called) t.equal(hostname, 'localhost');
  t.same(called.map(({ port }) => `127.0.0.1:${port}`).toSorted(), listens.toSorted());
});

t.test('selectors find the pods', async (t) => {
  const { labels } = pod.metadata;
  t.match(labels, deployment.spec.selector.matchLabels);
  t.match(labels, podMonitor.spec.selector.matchLabels);
  for (const { spec } of services) t.match(labels, spec.selector);
});

t.test('it is a native sidecar, and the pod has time for it to drain', async (t) => {
  t.equal(sidecar.restartPolicy, 'Always');
  t.notOk(sidecar.lifecycle, 'no preStop');
  const { delay, grace } = configuration().shutdown;
  const left = pod.spec.terminationGracePeriodSeconds - (delay + grace) / 1000;
  t.ok(left > 30, `${left} s are left for the service itself`);
});

t.test('the sidecar has no more rights than it needs', async (t) => {
  t.match(sidecar.securityContext, {
    runAsNonRoot: true,
    runAsUser: 65532,
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
    seccompProfile: { type: 'RuntimeDefault' },
  });
  t.match(sidecar.resources, {
    requests: { cpu: String, memory: String },
    limits: { memory: String },
  });
});
