/** `breakwater explain`: an upstream's effective keys as YAML, each value with where it came from. */
import type { EffectiveUpstream } from '../config/resolve/assemble.js';
import { didYouMean, formatDiagnostics, listWords } from '../config/syntax/diagnostics.js';
import type { EffectiveMap, Origin } from '../config/resolve/layers.js';
import { loadConfig } from '../config/load.js';
import { RouteTable } from '../lib/path-tree.js';
import { describeHash, describeRequest } from '../config/lint/describe-request.js';
import type { Output } from './output.js';

export interface ExplainOptions {
  readonly upstream: string;
  /** `GET /path`: the first route that matches it is laid over. The path is the one below the upstream's `prefix`. */
  readonly request?: string | undefined;
}

/** @returns the exit code: 1 when there is nothing to explain. */
export function explain(file: string, options: ExplainOptions, output: Output): number {
  const { config, effective, diagnostics } = loadConfig(file, output.env);
  output.stderr.write(formatDiagnostics(diagnostics));
  if (config === undefined || effective === undefined) return 1;
  const fail = (message: string): number => {
    output.stderr.write(`breakwater: error: ${message}\n`);
    return 1;
  };
  const index = effective.findIndex(({ name }) => name === options.upstream);
  const upstream = effective[index];
  if (upstream === undefined) return fail(unknownUpstream(options.upstream, effective));
  if (options.request === undefined) {
    output.stdout.write(
      formatOptions(upstream.connections, file) + formatOptions(upstream.policies, file),
    );
    return 0;
  }
  const request = /^\s*(?:(\S+)\s+)?(\/\S*)\s*$/.exec(options.request);
  if (request === null) {
    return fail(
      `cannot read the request ${JSON.stringify(options.request)}; write it as "GET /path"`,
    );
  }
  const [method, path] = [request[1] ?? 'GET', request[2]!];
  const route = new RouteTable(upstream.routes.map(({ match }) => match)).find(method, path);
  const { name, policies } = upstream.routes[route] ?? upstream;
  const decoded = config.upstreams[index]!;
  const comments = [
    route === -1 ? 'no route matches' : `route ${name}`,
    ...describeRequest(method, (decoded.routes[route] ?? decoded).policies),
    ...describeHash(decoded, path),
  ];
  const heading = comments.map((text) => `# ${text}\n`).join('');
  // In one piece: a reader such as `head` may be gone before a second one.
  const connections = formatOptions(upstream.connections, file);
  output.stdout.write(heading + connections + formatOptions(policies, file));
  return 0;
}

function unknownUpstream(name: string, upstreams: readonly EffectiveUpstream[]): string {
  const names = upstreams.map((upstream) => upstream.name);
  return `no upstream is named ${JSON.stringify(name)};${didYouMean(name, names)} defined are ${listWords(names, 'and')}`;
}

function formatOptions(options: EffectiveMap, file: string): string {
  const lines: string[] = [];
  const print = (map: EffectiveMap, indent: string): void => {
    for (const [key, value] of map.entries) {
      if (value.kind === 'leaf') {
        const text = formatValue(value.value);
        lines.push(`${indent}${key}: ${text} # ${formatOrigin(value.origin, file)}\n`);
      } else {
        lines.push(`${indent}${key}:\n`);
        print(value, `${indent}  `);
      }
    }
  };
  print(options, '');
  return lines.join('');
}

function formatOrigin(origin: Origin, file: string): string {
  if (origin.layer === 'default') return 'default';
  const place = `${file}:${origin.node.position.line}`;
  if (origin.layer === 'defaults') return `defaults ${place}`;
  return origin.layer === 'profile' ? `profile ${origin.path[1]} ${place}` : place;
}

/** Words and quantities that YAML reads back as the same text. */
const PLAIN_TEXT =
  /^(?!(?:true|false|null)$)[A-Za-z][\w-]*$|^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$|^\d+(?:\.\d+)?(?:B|KiB|MiB|GiB|%)$/i;

/** On one line: what JSON quotes, YAML reads. */
function formatValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(formatValue).join(', ')}]`;
  return typeof value === 'string' && PLAIN_TEXT.test(value) ? value : JSON.stringify(value);
}
