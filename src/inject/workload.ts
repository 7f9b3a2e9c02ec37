/** The pods that a manifest describes: where their specification stands. */
import { isAlias, isMap, isScalar, isSeq, type Document, type Pair, type YAMLMap } from 'yaml';

/** Where the specification of the pods stands, by kind. */
const podSpecs: Readonly<Record<string, readonly string[]>> = {
  CronJob: ['spec', 'jobTemplate', 'spec', 'template', 'spec'],
  DaemonSet: ['spec', 'template', 'spec'],
  Deployment: ['spec', 'template', 'spec'],
  Job: ['spec', 'template', 'spec'],
  Pod: ['spec'],
  StatefulSet: ['spec', 'template', 'spec'],
};

export const workloadKinds = Object.keys(podSpecs);

export interface Workload {
  readonly kind: string;
  /** Empty where the manifest has none. */
  readonly name: string;
  readonly podSpec: YAMLMap;
}

/** What keeps a workload from being changed. */
export class Refusal extends Error {
  /** @param node where the reason stands. */
  constructor(
    reason: string,
    readonly node: unknown,
  ) {
    super(reason);
  }
}

export const pairOf = (map: YAMLMap, key: string): Pair | undefined =>
  (map.items as Pair[]).find((pair) => isScalar(pair.key) && pair.key.value === key);

export const valueOf = (map: YAMLMap, key: string): unknown => pairOf(map, key)?.value;

export const textOf = (map: YAMLMap, key: string): string => {
  const value = valueOf(map, key);
  return isScalar(value) && typeof value.value === 'string' ? value.value : '';
};

export const isEmpty = (value: unknown): boolean =>
  value === null || value === undefined || (isScalar(value) && value.value === null);

/** A mapping that is written out, so that it can be changed in its place. @throws Refusal */
export function mapOf(value: unknown, what: string, near: unknown): YAMLMap {
  if (isAlias(value)) {
    throw new Refusal(`${what} is the alias *${value.source}; write it out`, value);
  }
  if (!isMap(value)) throw new Refusal(`${what} is missing or is not a mapping`, value ?? near);
  const merge = pairOf(value, '<<');
  if (merge !== undefined) {
    throw new Refusal(`${what} has the merge key <<; write out what it stands for`, merge.key);
  }
  return value;
}

/** The items of a list of mappings; none where it is not there. @throws Refusal */
export function itemsOf(map: YAMLMap, key: string): YAMLMap[] {
  const value = valueOf(map, key);
  if (isEmpty(value)) return [];
  if (isAlias(value)) {
    throw new Refusal(`${key} is the alias *${value.source}; write it out`, value);
  }
  if (!isSeq(value)) throw new Refusal(`${key} is not a list`, value);
  return value.items.map((item, i) => mapOf(item, `${key}[${i}]`, value));
}

/** The manifests of a document: itself, or the items of a List. */
function manifestsIn({ contents }: Document): YAMLMap[] {
  if (!isMap(contents)) return [];
  const items = valueOf(contents as YAMLMap, 'items');
  if (!textOf(contents as YAMLMap, 'kind').endsWith('List') || !isSeq(items)) {
    return [contents as YAMLMap];
  }
  return items.items.filter(isMap) as YAMLMap[];
}

export interface Manifest {
  readonly kind: string;
  readonly name: string;
  readonly map: YAMLMap;
}

export const readManifests = (documents: readonly Document[]): Manifest[] =>
  documents.flatMap(manifestsIn).map((map) => {
    const metadata = valueOf(map, 'metadata');
    const name = isMap(metadata) ? textOf(metadata as YAMLMap, 'name') : '';
    return { kind: textOf(map, 'kind'), name, map };
  });

export const isWorkload = ({ kind }: Manifest): boolean => Object.hasOwn(podSpecs, kind);

/** @throws Refusal */
export function readWorkload({ kind, name, map }: Manifest): Workload {
  let node = map;
  let path = '';
  for (const key of podSpecs[kind]!) {
    path = path === '' ? key : `${path}.${key}`;
    node = mapOf(valueOf(node, key), path, node);
  }
  return { kind, name, podSpec: node };
}
