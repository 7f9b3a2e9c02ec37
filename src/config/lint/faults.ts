/** Lint rules about faults that are injected on purpose. */
import type { Path } from '../syntax/diagnostics.js';
import { entriesOf, entryOf, itemsOf, textOf, valueOf, type SourceNode } from '../syntax/source.js';
import type { Found, LintFile, LintRule, Place } from './scope.js';

/** Where policies are written. */
function* holdersOf(root: SourceNode): Generator<readonly [SourceNode | undefined, Path]> {
  yield [valueOf(root, 'defaults'), ['defaults']];
  for (const [name, { value }] of entriesOf(valueOf(root, 'profiles'))) {
    yield [value, ['profiles', name]];
  }
  for (const [name, { value }] of entriesOf(valueOf(root, 'upstreams'))) {
    const path = ['upstreams', name];
    yield [value, path];
    for (const [i, route] of itemsOf(valueOf(value, 'routes')).entries()) {
      yield [route, [...path, 'routes', i]];
    }
  }
}

const isOff = (node: SourceNode) =>
  node.kind === 'scalar' && (node.value === 'off' || node.value === false);

interface Written {
  readonly place: Place;
  readonly fault: SourceNode;
}

/** All that are written, whether they are in force or not: a small change elsewhere may put them in force. */
const faultsIn = (root: SourceNode): Written[] =>
  [...holdersOf(root)].flatMap(([holder, path]) => {
    const written = entryOf(holder, 'fault');
    if (written === undefined || isOff(written.value)) return [];
    return { place: { position: written.key, path: [...path, 'fault'] }, fault: written.value };
  });

/** What a fault can do. */
const KINDS = ['delay', 'abort', 'reset'] as const;

/** The share of 0% of one kind, where it is written. */
function neverOf(fault: SourceNode, kind: string): SourceNode | undefined {
  const share = valueOf(valueOf(fault, kind), 'share');
  return /^0+(?:\.0+)?%$/.test(textOf(share) ?? '') ? share : undefined;
}

function doesSomething(fault: SourceNode): boolean {
  return [...KINDS, 'header'].some((kind) => {
    const value = valueOf(fault, kind);
    return value !== undefined && !isOff(value) && neverOf(fault, kind) === undefined;
  });
}

/** It may have the rest from `defaults`, a profile, or the upstream of its route. */
const mayInherit = ({ place: { path } }: Written, all: readonly Written[]) =>
  path[0] === 'upstreams' &&
  all.some(
    ({ place: other }) =>
      other.path[0] !== 'upstreams' ||
      (path.length > 3 && other.path.length === 3 && other.path[1] === path[1]),
  );

function checkFaults({ root }: LintFile): Found {
  const all = faultsIn(root);
  return all
    .filter((written) => doesSomething(written.fault) || mayInherit(written, all))
    .map(({ place }) => ({
      place,
      message:
        'calls fail or are slow on purpose, and nothing ends that; set fault to off, and use PUT /faults/NAME for a fault that ends by itself',
    }));
}

function checkIdle({ root }: LintFile): Found {
  const all = faultsIn(root);
  return all.flatMap((written): Found => {
    const { fault, place } = written;
    const never = KINDS.flatMap((kind) => {
      const share = neverOf(fault, kind);
      const message = `no attempt gets this fault; set ${kind}.share to 1% or more, or ${kind} to off`;
      return share === undefined
        ? []
        : [
            {
              place: { position: share.position, path: [...place.path, kind, 'share'] },
              message,
            },
          ];
    });
    if (never.length > 0 || doesSomething(fault) || mayInherit(written, all)) return never;
    const message =
      'this fault does nothing, because delay, abort, reset and header are off; write one of them, such as abort: { share: 10% }, or set fault to off';
    return [{ place, message }];
  });
}

export const faultRules: readonly LintRule[] = [
  { name: 'idle-fault', level: 'warning', check: checkIdle },
  { name: 'injected-fault', level: 'warning', check: checkFaults },
];
