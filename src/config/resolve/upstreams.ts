/** Checks of upstreams beyond the schema: addresses, prefixes, profiles, files and routes must fit together. */
import type { Address, TlsOptions, WeightedTarget } from '../../core/model.js';
import type { PolicyList } from '../../core/policy.js';
import {
  collide,
  parseAddress,
  patternProblem,
  prefixProblem,
  type Read,
} from './addresses/address.js';
import { formatAddress } from '../config.js';
import {
  comparePositions,
  didYouMean,
  isMisspelt,
  listWords,
  type Findings,
  type Path,
  type Position,
} from '../syntax/diagnostics.js';
import { fileSchemas } from '../schema/schema.js';
import { sections } from '../schema/sections.js';
import {
  entriesOf,
  itemsOf,
  textOf,
  valueOf,
  type SourceEntry,
  type SourceNode,
} from '../syntax/source.js';
import { readTargets } from './addresses/targets.js';
import { readTls, tlsFilesOf } from './tls.js';

/** An upstream's keys besides its policies; what could not be read is undefined and has its diagnostic. */
export interface UpstreamParts {
  readonly name: string;
  readonly node: SourceNode;
  readonly listen: Address | undefined;
  readonly prefix: string | undefined;
  readonly targets: readonly WeightedTarget[] | undefined;
  readonly tls: TlsOptions | undefined;
  /** The files that `tls` was read from. */
  readonly tlsFiles: readonly string[];
}

interface Claim {
  readonly address: Address;
  readonly owner: string;
  readonly position: Position;
  readonly path: Path;
}

/** Reads and checks all upstreams, and the listeners of the whole file. */
export function readUpstreams(
  root: SourceNode,
  findings: Findings,
  policies: PolicyList,
): UpstreamParts[] {
  const allowed = Object.keys(fileSchemas(policies).upstream.properties);
  const claims: Claim[] = [];
  const upstreams = [...entriesOf(valueOf(root, 'upstreams'))].filter(
    ([, { value }]) => value.kind === 'map',
  );
  const usesServer = upstreams.some(([, { value }]) => valueOf(value, 'prefix') !== undefined);
  claimSection('admin', root, claims, findings);
  const metrics = valueOf(valueOf(root, 'admin'), 'metrics');
  const claimed = readListen(metrics, ['admin', 'metrics'], findings);
  if (claimed !== undefined) claims.push({ ...claimed, owner: 'admin.metrics' });
  if (usesServer) claimSection('server', root, claims, findings);
  else readSectionListen('server', root, findings);
  const parts = upstreams.map(([name, entry]) => {
    const path = ['upstreams', name];
    const listen = readListen(valueOf(entry.value, 'listen'), [...path, 'listen'], findings);
    if (listen !== undefined) claims.push({ ...listen, owner: `upstream ${name}` });
    return readUpstream(name, entry, listen?.address, path, findings, root, allowed);
  });
  findSharedAddresses(claims, findings);
  findSharedPrefixes(parts, findings);
  return parts;
}

const asRead = (text: string, problem: string | undefined): Read<string> =>
  problem === undefined ? { value: text } : { problem };

function readUpstream(
  name: string,
  entry: SourceEntry,
  listen: Address | undefined,
  path: Path,
  findings: Findings,
  root: SourceNode,
  allowed: readonly string[],
): UpstreamParts {
  const { value: node, key } = entry;
  const keys = [...entriesOf(node).keys()];
  const isReachable = (own: string) => keys.includes(own) || isMisspelt(own, keys, allowed);
  if (!isReachable('listen') && !isReachable('prefix')) {
    const message =
      'needs `listen` (an address of its own), `prefix` (a path on the shared listener), or both';
    findings.error('missing-key', key, path, message);
  }
  const check = <T>(name: string, rule: string, read: (text: string) => Read<T>): T | undefined => {
    const value = valueOf(node, name);
    const text = textOf(value);
    if (value === undefined || text === undefined) return undefined;
    const result = read(text);
    if ('value' in result) return result.value;
    findings.error(rule, value.position, [...path, name], result.problem);
    return undefined;
  };
  const targets = readTargets(entry, path, allowed, findings);
  const prefix = check('prefix', 'prefix', (text) => asRead(text, prefixProblem(text)));
  const profiles = [...entriesOf(valueOf(root, 'profiles')).keys()];
  check('profile', 'profile', (text) => asRead(text, profileProblem(text, profiles)));
  const tlsNode = valueOf(node, 'tls');
  const tls = tlsNode?.kind === 'map' ? readTls(tlsNode, [...path, 'tls'], findings) : undefined;
  const plain = targets?.find(({ target }) => target.protocol === 'http:');
  if (tlsNode?.kind === 'map' && plain !== undefined) {
    const message = `is for https targets only, but the target is ${plain.target.href}`;
    findings.error('tls', tlsNode.position, [...path, 'tls'], message);
  }
  checkRoutes(valueOf(node, 'routes'), [...path, 'routes'], findings);
  const tlsFiles = tlsFilesOf(tlsNode, findings.file);
  return { name, node, listen, prefix, targets, tls, tlsFiles };
}

function profileProblem(name: string, profiles: readonly string[]): string | undefined {
  if (profiles.includes(name)) return undefined;
  const known =
    profiles.length === 0 ? 'none is defined' : `defined are ${listWords(profiles, 'and')}`;
  return `no profile is named ${JSON.stringify(name)};${didYouMean(name, profiles)} ${known}`;
}

function checkRoutes(routes: SourceNode | undefined, path: Path, findings: Findings): void {
  const lines = new Map<string, number>();
  for (const [i, route] of itemsOf(routes).entries()) {
    const name = valueOf(route, 'name');
    const text = textOf(name);
    if (name !== undefined && text !== undefined) {
      const line = lines.get(text);
      if (line === undefined) lines.set(text, name.position.line);
      else {
        const message = `another route of this upstream is named ${JSON.stringify(text)}, in line ${line}`;
        findings.error('duplicate-name', name.position, [...path, i, 'name'], message);
      }
    }
    const pattern = valueOf(valueOf(route, 'match'), 'path');
    const problem = patternProblem(textOf(pattern) ?? '/');
    if (pattern !== undefined && problem !== undefined) {
      findings.error('route-path', pattern.position, [...path, i, 'match', 'path'], problem);
    }
  }
}

function readListen(
  node: SourceNode | undefined,
  path: Path,
  findings: Findings,
): Omit<Claim, 'owner'> | undefined {
  if (node?.kind !== 'scalar') return undefined;
  const { value, position } = node;
  if (typeof value !== 'string' && !Number.isInteger(value)) return undefined;
  const read = parseAddress(value as string | number);
  if ('value' in read) return { address: read.value, position, path };
  findings.error('listen', position, path, read.problem);
  return undefined;
}

function readSectionListen(name: 'admin' | 'server', root: SourceNode, findings: Findings) {
  return readListen(valueOf(valueOf(root, name), 'listen'), [name, 'listen'], findings);
}

function claimSection(
  name: 'admin' | 'server',
  root: SourceNode,
  claims: Claim[],
  findings: Findings,
): void {
  const written = readSectionListen(name, root, findings);
  if (written !== undefined) claims.push({ ...written, owner: `${name}.listen` });
  if (valueOf(valueOf(root, name), 'listen') !== undefined) return;
  const read = parseAddress(sections[name].properties.listen.default as string);
  if (!('value' in read)) return;
  // It is not in the file: the address that collides with it gets the diagnostic.
  const position = { line: 0, column: 0 };
  claims.push({ address: read.value, owner: `${name}.listen, by default,`, position, path: [] });
}

function findSharedAddresses(claims: readonly Claim[], findings: Findings): void {
  const sorted = claims.toSorted((a, b) => comparePositions(a.position, b.position));
  for (const [i, { address, position, path }] of sorted.entries()) {
    if (path.length === 0) continue;
    const other = sorted.slice(0, i).find((claim) => collide(claim.address, address));
    if (other === undefined) continue;
    const line = other.path.length === 0 ? '' : ` (${findings.nameLine(other.position, position)})`;
    const message = `${formatAddress(address)} is taken: ${other.owner}${line} listens on ${formatAddress(other.address)}`;
    findings.error('shared-address', position, path, message);
  }
}

function findSharedPrefixes(parts: readonly UpstreamParts[], findings: Findings): void {
  const owners = new Map<string, UpstreamParts>();
  for (const part of parts) {
    const { name, node, prefix } = part;
    if (prefix === undefined) continue;
    const owner = owners.get(prefix);
    if (owner === undefined) {
      owners.set(prefix, part);
      continue;
    }
    const { position } = valueOf(node, 'prefix')!;
    const line = findings.nameLine(valueOf(owner.node, 'prefix')!.position, position);
    const message = `${prefix} is taken: upstream ${owner.name} (${line}) has it`;
    findings.error('shared-prefix', position, ['upstreams', name, 'prefix'], message);
  }
}
