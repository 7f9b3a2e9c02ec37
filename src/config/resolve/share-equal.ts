/** Shares what is made of the routes of a large file among those that write the same. */
import { entriesOf, type SourceNode } from '../syntax/source.js';
import type { EffectiveMap, Schemas } from './layers.js';

/** What is written there as one text, the same for equal values; undefined where there is a list. */
function describe(node: SourceNode): string | undefined {
  if (node.kind === 'scalar') return JSON.stringify(`${typeof node.value} ${node.value}`);
  if (node.kind !== 'map') return undefined;
  let text = '{';
  for (const [key, { value }] of node.entries) {
    const described = describe(value);
    if (described === undefined) return undefined;
    text += `${JSON.stringify(key)}:${described},`;
  }
  return `${text}}`;
}

/**
 * Most routes of a large file are of a few kinds: those that write the same over the same share what is made of it.
 * @param schemas of the keys that count.
 */
export function shareEqual<Made>(schemas: Schemas, make: (laid: EffectiveMap) => Made) {
  const known = new Map<EffectiveMap, Map<string, Made>>();
  /** @param lay lays `node` over `base`. */
  return (base: EffectiveMap, node: SourceNode, lay: () => EffectiveMap): Made => {
    let text = '';
    for (const [key, { value }] of entriesOf(node)) {
      if (!Object.hasOwn(schemas, key)) continue;
      const described = describe(value);
      if (described === undefined) return make(lay());
      text += `${key}:${described},`;
    }
    let ofBase = known.get(base);
    if (ofBase === undefined) known.set(base, (ofBase = new Map<string, Made>()));
    let made = ofBase.get(text);
    if (made === undefined) ofBase.set(text, (made = make(lay())));
    return made;
  };
}
