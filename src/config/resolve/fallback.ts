/** What the schema cannot say of fallbacks: that names, headers and files are right and that no chain leads back. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { FallbackEntry } from '../../policies/fallback/index.js';
import type { PolicySettings } from '../config.js';
import { didYouMean, listWords, type Findings, type Path } from '../syntax/diagnostics.js';
import { entriesOf, entryOf, itemsOf, textOf, valueOf, type SourceNode } from '../syntax/source.js';

/** Contents of the files that `bodyFile` names, by name as written. */
export type BodyFiles = ReadonlyMap<string, Buffer>;

interface Place {
  readonly node: SourceNode;
  readonly path: Path;
}

/** Checks every list there is, whether it is in force anywhere or not, and reads the files. */
export function readFallbacks(root: SourceNode, findings: Findings): BodyFiles {
  const files = new Map<string, Buffer>();
  const names = [...entriesOf(valueOf(root, 'upstreams')).keys()];
  for (const { node, path } of placesOf(root)) {
    for (const [i, source] of itemsOf(valueOf(node, 'fallback')).entries()) {
      checkSource(source, [...path, 'fallback', i], names, files, findings);
    }
  }
  findLoops(root, findings);
  return files;
}

/** Every mapping that may hold policy keys. */
function placesOf(root: SourceNode): Place[] {
  const places: Place[] = [];
  const add = (node: SourceNode | undefined, path: Path): void => {
    if (node === undefined) return;
    places.push({ node, path });
    for (const [i, route] of itemsOf(valueOf(node, 'routes')).entries()) {
      places.push({ node: route, path: [...path, 'routes', i] });
    }
  };
  add(valueOf(root, 'defaults'), ['defaults']);
  for (const section of ['profiles', 'upstreams']) {
    for (const [name, { value }] of entriesOf(valueOf(root, section))) add(value, [section, name]);
  }
  return places;
}

function checkSource(
  source: SourceNode,
  path: Path,
  names: readonly string[],
  files: Map<string, Buffer>,
  findings: Findings,
): void {
  const upstream = valueOf(source, 'upstream');
  const name = textOf(upstream);
  if (upstream !== undefined && name !== undefined && !names.includes(name)) {
    const message = `no upstream is named ${JSON.stringify(name)};${didYouMean(name, names)} defined are ${listWords(names, 'and')}`;
    findings.error('unknown-upstream', upstream.position, [...path, 'upstream'], message);
  }
  const answer = valueOf(source, 'static');
  if (answer === undefined) return;
  const at = [...path, 'static'];
  checkHeaders(valueOf(answer, 'headers'), [...at, 'headers'], findings);
  const bodyFile = entryOf(answer, 'bodyFile');
  if (bodyFile === undefined) return;
  if (entryOf(answer, 'body') !== undefined) {
    const message = 'cannot stand beside `body`; keep one of the two';
    findings.error('two-bodies', bodyFile.key, [...at, 'bodyFile'], message);
  }
  readBody(bodyFile.value, [...at, 'bodyFile'], files, findings);
}

function readBody(
  node: SourceNode,
  path: Path,
  files: Map<string, Buffer>,
  findings: Findings,
): void {
  const name = textOf(node);
  if (name === undefined || files.has(name)) return;
  try {
    files.set(name, readFileSync(resolve(dirname(findings.file), name)));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const message = `cannot read ${JSON.stringify(name)}, looked for from the folder of this file: ${code}`;
    findings.error('unreadable-file', node.position, path, message);
  }
}

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Visible characters of Latin-1, spaces and tabs: no line break can end the field and begin another. */
const HEADER_VALUE = /^[\t\u0020-\u007e\u0080-\u00ff]*$/;

/** Follow from the body and the connection. */
const ownHeaders = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'transfer-encoding',
  'trailer',
  'upgrade',
]);

function checkHeaders(headers: SourceNode | undefined, path: Path, findings: Findings): void {
  const lines = new Map<string, number>();
  for (const [name, { key, value }] of entriesOf(headers)) {
    const lower = name.toLowerCase();
    const line = lines.get(lower);
    let problem: string | undefined;
    if (!HEADER_NAME.test(name)) problem = 'is not the name of a header';
    else if (ownHeaders.has(lower)) problem = 'is set by Breakwater itself';
    else if (line !== undefined) {
      problem = `is written twice, first in line ${line}; names of headers know no case`;
    }
    lines.set(lower, line ?? key.line);
    if (problem !== undefined) findings.error('header', key, [...path, name], problem);
    const text = textOf(value);
    if (text !== undefined && !HEADER_VALUE.test(text)) {
      const message = 'must be one line of Latin-1 text, without control characters';
      findings.error('header', value.position, [...path, name], message);
    }
  }
}

/** A fallback from one upstream to another, where it is written. */
interface Edge extends Place {
  readonly to: string;
}

/** The effective list: lists replace each other as a whole, the nearest one holds. */
function edgesOf(root: SourceNode, upstream: SourceNode, path: Path): Edge[] {
  const profile = textOf(valueOf(upstream, 'profile'));
  const layers: Place[] = [
    { node: upstream, path },
    ...(profile === undefined
      ? []
      : [{ node: valueOf(valueOf(root, 'profiles'), profile), path: ['profiles', profile] }]),
    { node: valueOf(root, 'defaults'), path: ['defaults'] },
  ].filter((layer): layer is Place => layer.node !== undefined);
  const routes = itemsOf(valueOf(upstream, 'routes')).map((node, i): Place => ({
    node,
    path: [...path, 'routes', i],
  }));
  const own = layers.find(({ node }) => entryOf(node, 'fallback') !== undefined);
  const inForce = [
    ...(own === undefined ? [] : [own]),
    ...routes.filter(({ node }) => entryOf(node, 'fallback') !== undefined),
  ];
  return inForce.flatMap((place) =>
    itemsOf(valueOf(place.node, 'fallback')).flatMap((source, i): Edge[] => {
      const node = valueOf(source, 'upstream');
      const to = textOf(node);
      if (node === undefined || to === undefined) return [];
      return [{ to, node, path: [...place.path, 'fallback', i, 'upstream'] }];
    }),
  );
}

/** Also where only some routes would go around: what a request can do, one will. */
function findLoops(root: SourceNode, findings: Findings): void {
  const edges = new Map<string, Edge[]>();
  for (const [name, { value }] of entriesOf(valueOf(root, 'upstreams'))) {
    edges.set(name, edgesOf(root, value, ['upstreams', name]));
  }
  const done = new Set<string>();
  const visit = (name: string, way: readonly string[]): void => {
    if (done.has(name)) return;
    const here = [...way, name];
    for (const { to, node, path } of edges.get(name) ?? []) {
      const at = here.indexOf(to);
      if (at === -1) visit(to, here);
      else {
        const loop = [...here.slice(at), to].join(' -> ');
        findings.error(
          'fallback-loop',
          node.position,
          path,
          `leads back: ${loop}; switch \`fallback\` off or change it in one of them`,
        );
      }
    }
    done.add(name);
  };
  for (const name of edges.keys()) visit(name, []);
}

/** The settings with the contents of files in place of their names. */
export function fillBodies(policies: PolicySettings, files: BodyFiles): PolicySettings {
  const { fallback } = policies;
  if (fallback === 'off') return policies;
  const filled = fallback.map((entry): FallbackEntry => {
    const bodyFile = entry.static?.bodyFile;
    if (entry.static === undefined || bodyFile === undefined) return entry;
    return { static: { ...entry.static, body: files.get(bodyFile)! } };
  });
  return { ...policies, fallback: filled };
}
