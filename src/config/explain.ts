/** An upstream's effective keys as YAML, each value with where it came from: for `breakwater explain` and the live page. */
import type { Explanation } from '../core/live.js';
import { RouteTable } from '../lib/path-tree.js';
import type { Config } from './config.js';
import { describeHash, describeRequest } from './lint/describe-request.js';
import type { EffectiveUpstream } from './resolve/lay-policies.js';
import type { EffectiveMap, Origin } from './resolve/layers.js';
import { didYouMean, listWords } from './syntax/diagnostics.js';

/** @param request `GET /path`: the first route that matches it is laid over. The path is the one below the upstream's `prefix`. */
export function explainUpstream(
  config: Config,
  effective: readonly EffectiveUpstream[],
  name: string,
  request: string | undefined,
): Explanation {
  const { file } = config;
  const index = effective.findIndex((each) => each.name === name);
  const upstream = effective[index];
  if (upstream === undefined) return { problem: unknownUpstream(name, effective) };
  const connections = formatOptions(upstream.connections, file);
  if (request === undefined) return { text: connections + formatOptions(upstream.policies, file) };
  const read = /^\s*(?:(\S+)\s+)?(\/\S*)\s*$/.exec(request);
  if (read === null) {
    return {
      problem: `cannot read the request ${JSON.stringify(request)}; write it as "GET /path"`,
    };
  }
  const [method, path] = [read[1] ?? 'GET', read[2]!];
  const route = new RouteTable(upstream.routes.map(({ match }) => match)).find(method, path);
  const { name: routeName, policies } = upstream.routes[route] ?? upstream;
  const decoded = config.upstreams[index]!;
  const comments = [
    route === -1 ? 'no route matches' : `route ${routeName}`,
    ...describeRequest(method, (decoded.routes[route] ?? decoded).policies),
    ...describeHash(decoded, path),
  ];
  const heading = comments.map((text) => `# ${text}\n`).join('');
  return { text: heading + connections + formatOptions(policies, file) };
}

/** That there is no such upstream, and which there are. */
export function unknownUpstream(
  name: string,
  upstreams: readonly { readonly name: string }[],
): string {
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
  const { position } = origin.node;
  const place = `${position.file ?? file}:${position.line}`;
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
