/** The addresses that an upstream's calls go to: `target`, or `targets` that must fit together. */
import type { Target, WeightedTarget } from '../../../core/model.js';
import { formatAddress } from '../../config.js';
import { isMisspelt, type Findings, type Path, type Position } from '../../syntax/diagnostics.js';
import {
  entriesOf,
  entryOf,
  itemsOf,
  textOf,
  valueOf,
  type SourceEntry,
  type SourceNode,
} from '../../syntax/source.js';
import { parseTarget } from './address.js';

/** A target that could be read, and where it is written. */
interface Item extends WeightedTarget {
  readonly position: Position;
  readonly path: Path;
}

/**
 * @param path of the upstream.
 * @param allowed all keys of an upstream.
 * @returns undefined where something is wrong; `findings` or the schema's errors have it.
 */
export function readTargets(
  { key, value: node }: SourceEntry,
  path: Path,
  allowed: readonly string[],
  findings: Findings,
): readonly WeightedTarget[] | undefined {
  const [one, many] = [entryOf(node, 'target'), entryOf(node, 'targets')];
  if (one === undefined && many === undefined) {
    const keys = [...entriesOf(node).keys()];
    if (!['target', 'targets'].some((name) => isMisspelt(name, keys, allowed))) {
      const message =
        'the key `target` is missing: a URL such as http://host:port; several are listed in `targets`';
      findings.error('missing-key', key, path, message);
    }
    return undefined;
  }
  if (one !== undefined && many !== undefined) {
    const message = `cannot stand beside \`target\` (line ${one.key.line}); write all URLs in \`targets\`, or keep only \`target\``;
    findings.error('two-targets', many.key, [...path, 'targets'], message);
  }
  const single = one && readTarget(one.value, [...path, 'target'], findings);
  const listed = many && readList(many.value, [...path, 'targets'], findings);
  return single === undefined ? listed : [single];
}

function readTarget(url: SourceNode, path: Path, findings: Findings, weight = 1): Item | undefined {
  const text = textOf(url);
  if (text === undefined) return undefined;
  const { position } = url;
  const read = parseTarget(text);
  if ('value' in read) return { target: read.value, weight, position, path };
  findings.error('target', position, path, read.problem);
  return undefined;
}

function readList(list: SourceNode, path: Path, findings: Findings): Item[] | undefined {
  const nodes = itemsOf(list);
  const items = nodes.flatMap((node, i) => readItem(node, [...path, i], findings) ?? []);
  findMixed(items, findings);
  findRepeated(items, findings);
  return items.length === 0 || items.length < nodes.length ? undefined : items;
}

function readItem(node: SourceNode, path: Path, findings: Findings): Item | undefined {
  if (node.kind !== 'map') return readTarget(node, path, findings);
  const url = valueOf(node, 'url');
  const weight = valueOf(node, 'weight');
  const share = weight?.kind === 'scalar' && typeof weight.value === 'number' ? weight.value : 1;
  return url && readTarget(url, [...path, 'url'], findings, share);
}

const schemeOf = ({ protocol, socketPath }: Target) =>
  socketPath === undefined ? protocol.slice(0, -1) : 'http+unix';

const showPath = ({ basePath }: Target) => (basePath === '' ? 'no path' : `the path ${basePath}`);

/** One request head and one way to connect serve all targets of an upstream. */
function findMixed([first, ...others]: readonly Item[], findings: Findings): void {
  if (first === undefined) return;
  for (const { target, position, path } of others) {
    const [found, wanted] =
      schemeOf(target) === schemeOf(first.target)
        ? [showPath(target), showPath(first.target)]
        : [`the scheme ${schemeOf(target)}`, schemeOf(first.target)];
    if (found === wanted) continue;
    const message = `has ${found}, but the first target (line ${first.position.line}) has ${wanted}: all targets of an upstream have the same scheme and the same path; write another upstream for it`;
    findings.error('mixed-targets', position, path, message);
  }
}

const showAddress = ({ host, port, socketPath }: Target) =>
  formatAddress(
    socketPath === undefined ? { kind: 'tcp', host, port } : { kind: 'unix', path: socketPath },
  );

function findRepeated(items: readonly Item[], findings: Findings): void {
  const lines = new Map<string, number>();
  for (const { target, position, path } of items) {
    const address = showAddress(target);
    // Those that differ in the scheme or the path have an error already.
    const key = JSON.stringify([schemeOf(target), address, target.basePath]);
    const line = lines.get(key);
    if (line === undefined) {
      lines.set(key, position.line);
      continue;
    }
    const message = `${address} is in the list already (line ${line}); write it once, with a larger \`weight\` if it shall take more calls`;
    findings.error('repeated-target', position, path, message);
  }
}
