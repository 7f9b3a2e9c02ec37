/** Adds Breakwater as a native sidecar to the workloads of Kubernetes manifests. All other text stays as it is. */
import { parseAllDocuments, type Document } from 'yaml';
import type { Config } from '../config/config.js';
import { Findings, listWords, type Diagnostic } from '../config/syntax/diagnostics.js';
import type { Environment } from '../config/syntax/interpolate.js';
import { reportSyntax } from '../config/syntax/syntax-errors.js';
import { YamlText } from '../config/syntax/yaml-text.js';
import { findConfiguration, readConfiguration, type Configuration } from './configuration.js';
import { changePod, type Change } from './pod.js';
import { DEFAULT_PORT, readProbePort, readSocketFolder, readUpstreamUrl } from './places.js';
import { Splice } from './splice.js';
import { isWorkload, readManifests, readWorkload, Refusal, workloadKinds } from './workload.js';

export interface InjectOptions {
  readonly image: string;
  /** Whether an image that is there already is replaced. */
  readonly replacesImage: boolean;
  /** Undefined: the name of the workload with `-breakwater`. */
  readonly configMap: string | undefined;
  /** A Secret whose keys become variables of the sidecar. */
  readonly secret: string | undefined;
  /** Variables of the containers, each with the name of an upstream. */
  readonly variables: ReadonlyMap<string, string>;
  /** `deployment/orders`, without regard to case; undefined: all workloads. */
  readonly only: string | undefined;
  /** The configuration; undefined: that of the ConfigMap, where the manifests have it. */
  readonly configuration: { readonly file: string; readonly text: string } | undefined;
  readonly env: Environment;
}

export interface Injected {
  /** The manifests with the sidecars; undefined where something is wrong. */
  readonly text?: string;
  /** Of the workloads that have it now; empty where something is wrong. */
  readonly changes: readonly Change[];
  readonly diagnostics: readonly Diagnostic[];
}

/** @param file the name of the manifests, for messages. Never throws for bad manifests. */
export function inject(text: string, file: string, options: InjectOptions): Injected {
  const findings = new Findings(file);
  const yaml = new YamlText(text);
  const mark = text.length - yaml.source.length;
  const documents = parse(yaml, findings);
  const splice = new Splice(yaml.source);
  const changes: Change[] = [];
  const diagnostics: Diagnostic[] = [];
  const refuse = (error: unknown, subject: string) => {
    if (!(error instanceof Refusal)) throw error;
    const range = (error.node as { range?: readonly number[] } | null)?.range;
    const position = range ? yaml.positionAt(range[0]!) : yaml.start;
    const message = `Cannot inject into ${subject} because ${error.message}`;
    findings.error('inject', position, [], message);
  };

  const given = options.configuration;
  const known = given && readConfiguration(given.text, given.file, options.env);
  if (known !== undefined) diagnostics.push(...known.errors);
  const manifests = readManifests(documents);
  const workloads = manifests.filter(isWorkload);
  const wanted = workloads.filter(
    ({ kind, name }) =>
      !options.only || `${kind}/${name}`.toLowerCase() === options.only.toLowerCase(),
  );
  if (wanted.length === 0 && !findings.hasErrors) {
    const reason =
      workloads.length === 0
        ? `it has no ${listWords(workloadKinds)}`
        : `it has no ${options.only}; it has ${listWords(
            workloads.map(({ kind, name }) => `${kind.toLowerCase()}/${name}`),
            'and',
          )}`;
    refuse(new Refusal(reason, null), file);
  }
  for (const manifest of wanted) {
    const subject = `${manifest.kind} ${manifest.name}`.trimEnd();
    try {
      const workload = readWorkload(manifest);
      if (options.configMap === undefined && workload.name === '') {
        throw new Refusal(
          'it has no name to call the ConfigMap by; give --config-map',
          manifest.map,
        );
      }
      const configMap = options.configMap ?? `${workload.name}-breakwater`;
      const configuration =
        known ?? findConfiguration(manifests, configMap, yaml.source, file, options.env);
      if (configuration !== known) diagnostics.push(...(configuration?.errors ?? []));
      if (configuration !== undefined && configuration.config === undefined) continue;
      const settings = {
        ...options,
        configMap,
        ...readPlaces(configuration, options, manifest.map),
      };
      changes.push(changePod(workload, settings, splice));
    } catch (error) {
      refuse(error, subject);
    }
  }
  diagnostics.push(...findings.list());
  if (diagnostics.length > 0) return { changes: [], diagnostics };
  return { text: text.slice(0, mark) + splice.apply(), changes, diagnostics };
}

function parse(yaml: YamlText, findings: Findings): readonly Document[] {
  const { source, positionAt } = yaml;
  try {
    const documents = parseAllDocuments(source, yaml.parserOptions) as Document[];
    const problems = documents.flatMap(({ errors }) => errors);
    if (problems.length === 0) return documents;
    reportSyntax(problems, source, positionAt, findings);
    if (/^\s*\{\{/m.test(source)) {
      const message =
        'has {{ }} of a template; render it first: helm template . | breakwater inject -';
      findings.error('syntax', yaml.start, [], message);
    }
  } catch (cause) {
    yaml.reportFailure(cause, findings);
  }
  return [];
}

/** @throws Refusal */
function readPlaces(
  configuration: Configuration | undefined,
  { variables }: InjectOptions,
  node: unknown,
) {
  const config: Config | undefined = configuration?.config;
  if (config === undefined) {
    const unknown = {
      port: DEFAULT_PORT,
      socketFolder: undefined,
      urls: new Map<string, string>(),
    };
    if (variables.size === 0) return unknown;
    throw new Refusal(
      'the addresses of upstreams are in the configuration, which is not here; give --config FILE',
      node,
    );
  }
  const port = readProbePort(config);
  if ('problem' in port) throw new Refusal(port.problem, node);
  const urls = new Map(
    [...variables].map(([variable, upstream]) => {
      const url = readUpstreamUrl(config, upstream);
      if ('problem' in url) throw new Refusal(url.problem, node);
      return [variable, url.value];
    }),
  );
  return { port: port.value, socketFolder: readSocketFolder(config), urls };
}
