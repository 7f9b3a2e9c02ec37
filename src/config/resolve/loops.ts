/** Finds upstreams that lead back to themselves through references of a policy. */
import type { AnyPolicy } from '../../core/policy.js';
import type { Findings } from '../syntax/diagnostics.js';
import { entriesOf, textOf, valueOf, type SourceNode } from '../syntax/source.js';
import { nodesAt, placesInForce, type Place } from './source-paths.js';

/** From one upstream to another, where it is written. */
interface Edge extends Place {
  readonly to: string;
}

/** Loops of only some routes count as well, because requests may take these routes. */
export function findLoops(
  root: SourceNode,
  { name: key, references }: AnyPolicy,
  findings: Findings,
): void {
  const paths = references?.upstreams ?? [];
  const edges = new Map<string, Edge[]>();
  for (const [name, { value }] of entriesOf(valueOf(root, 'upstreams'))) {
    const inForce = placesInForce(root, { node: value, path: ['upstreams', name] }, key);
    const found = inForce.flatMap((place) => paths.flatMap((path) => nodesAt(place, path)));
    edges.set(
      name,
      found.flatMap((place): Edge[] => {
        const to = textOf(place.node);
        return to === undefined ? [] : [{ ...place, to }];
      }),
    );
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
          `${key}-loop`,
          node.position,
          path,
          `leads back: ${loop}; switch \`${key}\` off or change it in one of them`,
        );
      }
    }
    done.add(name);
  };
  for (const name of edges.keys()) visit(name, []);
}
