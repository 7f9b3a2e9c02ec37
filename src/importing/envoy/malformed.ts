/** Bootstraps whose `static_resources` have a form in which no listener and no cluster can be found. */
import { describeSeen } from '../../config/schema/describe.js';
import type { Foreign } from '../foreign.js';
import type { Malformed } from '../system.js';

const mustBe = (part: Foreign, what: string): Malformed => ({
  part,
  message: `must be ${what}, but is ${describeSeen(part.node)}`,
});

/** Of a list of resources. */
function findIn(list: Foreign): readonly Malformed[] {
  const what = `a list of ${list.key}`;
  if (list.node.kind !== 'list') return [mustBe(list, what)];
  return list
    .items()
    .filter(({ node }) => node.kind !== 'map')
    .map((item) => mustBe(item, 'a mapping'));
}

export function findMalformed(document: Foreign): readonly Malformed[] {
  const resources = document.get('static_resources');
  if (resources === undefined) return [];
  if (resources.node.kind !== 'map') {
    return [mustBe(resources, 'a mapping with `listeners` and `clusters`')];
  }
  return ['listeners', 'clusters'].flatMap((key) => {
    const list = resources.get(key);
    return list === undefined ? [] : findIn(list);
  });
}
