/** Lint rules about faults that are injected on purpose. */
import type { Path } from '../syntax/diagnostics.js';
import { entriesOf, entryOf, itemsOf, valueOf, type SourceNode } from '../syntax/source.js';
import type { Found, LintFile, LintRule } from './scope.js';

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

/** All that are written, whether they are in force or not: a small change elsewhere may put them in force. */
function checkFaults({ root }: LintFile): Found {
  return [...holdersOf(root)].flatMap(([holder, path]) => {
    const written = entryOf(holder, 'fault');
    if (written === undefined || isOff(written.value)) return [];
    return {
      place: { position: written.key, path: [...path, 'fault'] },
      message:
        'calls fail or are slow on purpose, and nothing ends that; set fault to off, and use PUT /faults/NAME for a fault that ends by itself',
    };
  });
}

export const faultRules: readonly LintRule[] = [
  { name: 'injected-fault', level: 'warning', check: checkFaults },
];
