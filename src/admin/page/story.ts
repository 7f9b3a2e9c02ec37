/** Who is in trouble, since when, why, what callers get, and what ends it. */
import type { Row } from '../../core/live.js';
import { h } from './dom.js';
import { formatAge, formatSpan, formatTime } from './format.js';
import { TROUBLE, words } from './model.js';

function due(until: string, at: string): string {
  const leftMs = Date.parse(until) - Date.parse(at);
  return `At ${formatTime(until)}, ${leftMs > 0 ? `in ${formatSpan(leftMs)}` : 'now'}`;
}

const fact = (name: string, text: string) =>
  text === '' ? null : h('div', {}, h('dt', {}, name), h('dd', {}, text));

/** @param onOpen shows its details; undefined where they are shown. @returns nothing for an upstream that is well. */
export function story(row: Row, at: string, onOpen: (() => void) | undefined): HTMLElement[] {
  const { state, weight, since, why, callersGet, endsWhen, until } = row.trouble;
  if (weight < TROUBLE) return [];
  const { word, sign } = words[state];
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
        since === null
          ? null
          : h('span', { class: 'since' }, ` since ${formatTime(since)}, ${formatAge(since, at)}`),
      ),
      h(
        'dl',
        {},
        fact('Why', why),
        fact('Callers get', callersGet),
        fact('Ends when', (until === null ? '' : `${due(until, at)}: `) + endsWhen),
      ),
    ),
  ];
}
