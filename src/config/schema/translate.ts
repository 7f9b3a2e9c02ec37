/** Hints for keys that are not known here, but in other programs or elsewhere in the file. */
import type { SourceEntry, SourceNode } from '../syntax/source.js';
import { listWords, type Path } from '../syntax/diagnostics.js';
import { connectionKeys } from './connection-keys.js';
import { asCheckPath, asStrategy, type ForeignReader } from './foreign-values.js';
import { parseDuration, parseQuantity } from './units.js';
import { foreignKeys, type ForeignKey } from '../lint/foreign/keys.js';

/** `num_retries`, `numRetries`, `NumRetries` and `num-retries` are one key. */
const unify = (key: string) => key.replaceAll(/[-_]/g, '').toLowerCase();

const byExactKey = new Map<string, ForeignKey[]>();
const byKey = new Map<string, ForeignKey[]>();
for (const foreign of foreignKeys) {
  const add = (map: Map<string, ForeignKey[]>, key: string) =>
    map.set(key, [...(map.get(key) ?? []), foreign]);
  add(byExactKey, foreign.key);
  add(byKey, unify(foreign.key));
}

/** Whether one of the keys around is that section, or what another program calls it: `circuitBreakers`. */
const isWithin = (section: string, around: readonly string[]): boolean =>
  around.some(
    (key) =>
      key === section || (byKey.get(unify(key)) ?? []).some(({ option }) => option === section),
  );

/**
 * The spelling tells programs apart that share a key; Envoy takes its keys without underscores as well.
 * @param around the keys of the mappings that it stands in.
 */
function lookUp(key: string, around: readonly string[]): readonly ForeignKey[] {
  const all = byKey.get(unify(key)) ?? [];
  const special = all.filter(({ section }) => section !== undefined && isWithin(section, around));
  if (special.length > 0) return special;
  const alike = all.filter(({ section }) => section === undefined);
  const exact = byExactKey.get(key)?.filter(({ section }) => section === undefined) ?? [];
  if (exact.length === 0) return alike;
  const others = key.includes('_') ? [] : alike.filter(({ program }) => program === 'Envoy');
  return [...exact, ...others];
}

/** Options with their values, as `retry.maxAttempts: 4`, and the programs whose keys they stand for. */
interface Translation {
  readonly options: Set<string>;
  readonly programs: Set<string>;
}

const MOST_OPTIONS = 6;
const MOST_KEYS = 200;

function collect(
  key: string,
  node: SourceNode,
  around: readonly string[],
  into: Translation,
  seen: { keys: number },
): void {
  seen.keys += 1;
  if (seen.keys > MOST_KEYS) return;
  const inner: Translation = { options: new Set(), programs: new Set() };
  for (const [name, part] of partsOf(key, node)) collect(name, part, [...around, key], inner, seen);
  const found = lookUp(key, around);
  const own = found.map(({ option, read }) => {
    const value = read?.(node);
    return {
      option: value === undefined ? option : `${option}: ${value}`,
      isRead: value !== undefined,
    };
  });
  // What a section holds says more than its name.
  const isSection = inner.options.size > 0 && own.every(({ isRead }) => !isRead);
  for (const option of isSection ? inner.options : own.map((each) => each.option)) {
    into.options.add(option);
  }
  for (const program of isSection ? inner.programs : found.map((each) => each.program)) {
    into.programs.add(program);
  }
}

/** The parts of a mapping by their keys, those of a list by the key of the list. */
function partsOf(key: string, node: SourceNode): (readonly [string, SourceNode])[] {
  if (node.kind === 'list') return node.items.flatMap((item) => partsOf(key, item));
  return node.kind === 'map'
    ? [...node.entries].map(([name, { value }]) => [name, value] as const)
    : [];
}

/** Where policies may stand. */
const PLACES = 'in `defaults`, a profile, an upstream or a route';
/** Where keys may stand that say how an upstream is reached. */
const CONNECTION_PLACES = 'in `defaults`, a profile or an upstream';

/** Whether all of these options belong to what has these keys. */
const areOf = (options: readonly string[], keys: readonly string[]) =>
  options.every((option) => keys.includes(option.split(/[.:]/)[0]!));

const isAmongPolicies = (path: Path) =>
  ['defaults', 'profiles', 'upstreams'].includes(String(path[0]));

const mayHaveConnectionKeys = (path: Path) => isAmongPolicies(path) && !path.includes('routes');

/**
 * @param path of the mapping that has the key.
 * @param policies the keys of the policies.
 * @returns what to write instead of a key of another program; undefined where no program is known to have it.
 */
export function translateKey(
  key: string,
  entry: SourceEntry,
  path: Path,
  policies: readonly string[],
): string | undefined {
  const translation: Translation = { options: new Set(), programs: new Set() };
  collect(key, entry.value, path.map(String), translation, { keys: 0 });
  const options = [...translation.options];
  if (options.length === 0) return undefined;
  const shown = options.slice(0, MOST_OPTIONS).map((option) => `\`${option}\``);
  const rest = options.length > MOST_OPTIONS ? [`${options.length - MOST_OPTIONS} more`] : [];
  let place = '';
  if (areOf(options, policies) && !isAmongPolicies(path)) place = ` ${PLACES}`;
  if (areOf(options, Object.keys(connectionKeys)) && !mayHaveConnectionKeys(path)) {
    place = ` ${CONNECTION_PLACES}`;
  }
  const whose = listWords([...translation.programs]);
  const conjunction = entry.value.kind === 'scalar' ? 'or' : 'and';
  return `this is a key of ${whose}; write ${listWords([...shown, ...rest], conjunction)}${place};`;
}

/** What a single value in place of a mapping is meant for, as in `timeout: 5s` of other programs. */
const mainOptions: Readonly<Record<string, readonly [option: string, read: ForeignReader]>> = {
  timeout: ['total', asWritten((text) => (parseDuration(text) ?? 0) > 0)],
  retry: ['maxAttempts', asWritten(isCount)],
  bulkhead: ['maxConcurrent', asWritten(isCount)],
  circuitBreaker: ['failureThreshold', asWritten(isCount)],
  hedge: ['after', asWritten((text) => (parseDuration(text) ?? 0) > 0)],
  rateLimit: ['rate', asWritten((text) => (parseQuantity('rate', text) ?? 0) > 0)],
  balance: ['strategy', asStrategy],
  healthCheck: ['path', asCheckPath],
};

function isCount(text: string): boolean {
  return /^[1-9]\d*$/.test(text);
}

function asWritten(isRight: (text: string) => boolean): ForeignReader {
  return (node) => {
    const text = node.kind === 'scalar' ? String(node.value) : '';
    return isRight(text) ? text : undefined;
  };
}

/** @returns a suggestion for the value at the path; empty where there is none. */
export function suggestValue(path: Path, node: SourceNode): string {
  const key = String(path.at(-1));
  if (key === 'target' && node.kind === 'list') return '; several URLs are written in `targets`';
  if (node.kind !== 'scalar') return '';
  if (key === 'targets' && typeof node.value === 'string') {
    return `; did you mean [${JSON.stringify(node.value)}]?`;
  }
  if (key === 'strategy' && path.at(-2) === 'balance') {
    const strategy = asStrategy(node);
    return strategy === undefined ? '' : `; did you mean ${JSON.stringify(strategy)}?`;
  }
  const main = Object.hasOwn(mainOptions, key) ? mainOptions[key] : undefined;
  const value = main?.[1](node);
  return value === undefined ? '' : `; did you mean { ${main![0]}: ${value} }?`;
}

interface SchemaPart {
  readonly properties?: Readonly<Record<string, SchemaPart>>;
  readonly anyOf?: readonly SchemaPart[];
}

function findPaths(key: string, schema: SchemaPart, prefix: string, found: string[]): string[] {
  const properties =
    schema.properties ?? schema.anyOf?.find((branch) => branch.properties)?.properties;
  for (const [name, property] of Object.entries(properties ?? {})) {
    if (name === key) found.push(prefix + name);
    findPaths(key, property, `${prefix}${name}.`, found);
  }
  return found;
}

/** More places than this do not help. */
const MOST_PLACES = 3;

/** @returns where an option belongs that stands at the wrong level; undefined where there is none of that name. */
export function findHome(
  key: string,
  path: Path,
  schemas: Readonly<Record<string, object>>,
): string | undefined {
  const properties = { ...connectionKeys, ...schemas } as Record<string, SchemaPart>;
  const all = findPaths(key, { properties }, '', []).filter((option) => option !== key);
  const near = all.filter((option) => path.includes(option.split('.')[0]!));
  const found = near.length > 0 ? near : all;
  if (found.length === 0 || found.length > MOST_PLACES) return undefined;
  const areConnections = areOf(found, Object.keys(connectionKeys));
  const fits = areConnections ? mayHaveConnectionKeys(path) : isAmongPolicies(path);
  const place = fits ? '' : ` ${areConnections ? CONNECTION_PLACES : PLACES}`;
  return `did you mean ${listWords(found.map((option) => `\`${option}\``))}${place}?`;
}
