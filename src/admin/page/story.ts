/** Who is in trouble, since when, why, what callers get, and what ends it. */
import type { Row } from '../../core/live.js';
import { h } from './dom.js';
import { describeSince, factsOf } from './facts.js';
import { words } from './model.js';

/** @param onOpen shows its details; undefined where they are shown. @returns nothing for an upstream that is well. */
export function story(row: Row, at: string, onOpen: (() => void) | undefined): HTMLElement[] {
  const facts = factsOf(row, at);
  if (facts.length === 0) return [];
  const { state } = row.trouble;
  const { word, sign } = words[state];
  const since = describeSince(row, at);
  return [
    h(
      'article',
      { class: `story ${state}` },
      h(
        'h3',
        {},
        h('span', { class: 'sign', 'aria-hidden': 'true' }, sign),
        onOpen === undefined
          ? row.name
          : h('button', { type: 'button', class: 'link', onclick: onOpen }, row.name),
        ` ${word}`,
        since === '' ? null : h('span', { class: 'since' }, since),
      ),
      h(
        'dl',
        {},
        ...facts.map(({ name, text }) => h('div', {}, h('dt', {}, name), h('dd', {}, text))),
      ),
    ),
  ];
}
