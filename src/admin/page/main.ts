/** The live page: puts what the stream brings on the screen. */
import { byId, h, setClass, setText } from './dom.js';
import { openFeed } from './feed.js';
import { plural } from './format.js';
import { Head } from './head.js';
import { Model, type Known, type SortKey } from './model.js';
import { RowView } from './row.js';
import { readPalette } from './strip.js';
import { story } from './story.js';

/** Rows at first, and more by the button: a thousand at once would be slow. */
const PAGE_ROWS = 100;

/** Upstreams told of above the table. */
const STORIES = 3;

const model = new Model();
const head = new Head(model);
const views = new Map<string, RowView>();
const rows = byId('rows', HTMLTableSectionElement);
const search = byId('search', HTMLInputElement);
const sort = byId('sort', HTMLSelectElement);
const onlyTrouble = byId('only-trouble', HTMLInputElement);
const more = byId('more', HTMLButtonElement);
const stories = byId('stories');

let limit = PAGE_ROWS;
let palette = readPalette();
let told = '';

/** Rows stay where they are while a reader is among them. */
const isInUse = () => rows.matches(':hover') || rows.contains(document.activeElement);

function viewOf(name: string): RowView {
  let view = views.get(name);
  if (view === undefined) views.set(name, (view = new RowView(name, model)));
  return view;
}

function arrange(isForced: boolean): Known[] {
  const selected = model.select(search.value, sort.value as SortKey, onlyTrouble.checked);
  const shown = selected.slice(0, limit);
  const left = selected.length - shown.length;
  more.hidden = left === 0;
  setText(more, `Show ${Math.min(left, PAGE_ROWS)} more of ${left}`);
  setText(byId('shown'), `${shown.length} of ${plural(model.upstreams.size, 'upstream')}`);
  const wanted = shown.flatMap(({ row }) => {
    const { element, below } = viewOf(row.name);
    return [element, below];
  });
  const isSame =
    wanted.length === rows.children.length && wanted.every((each, i) => rows.children[i] === each);
  const hasSame =
    wanted.length === rows.children.length && wanted.every((each) => each.parentNode === rows);
  if (!isSame && (isForced || !hasSame || !isInUse())) place(wanted);
  return shown;
}

/** Moves only what is not in its place, so that the focus stays where it is. */
function place(wanted: readonly HTMLElement[]): void {
  const kept = new Set<Node>(wanted);
  const leaving = Array.from(rows.children).filter((child) => !kept.has(child));
  for (const child of leaving) child.remove();
  for (const [i, element] of wanted.entries()) {
    if (rows.children[i] !== element) rows.insertBefore(element, rows.children[i] ?? null);
  }
}

function show(isForced = false): void {
  for (const [name, view] of views) {
    if (model.upstreams.has(name)) continue;
    view.close();
    view.element.remove();
    view.below.remove();
    views.delete(name);
  }
  for (const known of arrange(isForced)) viewOf(known.row.name).update(known, model.at, palette);
  setText(byId('summary'), model.summary());
  showStories();
  if (model.process !== undefined) head.update(model.process, model.at);
  document.title = titleOf(model.inTrouble().length);
}

const titleOf = (troubled: number) => (troubled === 0 ? 'Breakwater' : `(${troubled}) Breakwater`);

function showStories(): void {
  const troubled = model.inTrouble();
  const first = troubled.slice(0, STORIES);
  const key = JSON.stringify([
    troubled.length,
    first.map(({ row }) => [row.name, row.trouble]),
    Math.floor(Date.parse(model.at) / 5000),
  ]);
  if (key === told || stories.contains(document.activeElement)) return;
  told = key;
  const rest = troubled.length - first.length;
  stories.replaceChildren(
    ...first.flatMap(({ row }) => story(row, model.at, () => open(row.name))),
    ...(rest > 0 ? [h('p', {}, `and ${plural(rest, 'upstream')} more in the table`)] : []),
  );
}

function open(name: string): void {
  search.value = '';
  onlyTrouble.checked = false;
  sort.value = 'trouble';
  show(true);
  const view = viewOf(name);
  if (!view.isOpen) view.toggle();
  show();
  view.focus();
}

for (const control of [search, sort, onlyTrouble]) {
  control.addEventListener('input', () => {
    limit = PAGE_ROWS;
    show(true);
  });
}
byId('tools').addEventListener('submit', (event) => event.preventDefault());
more.addEventListener('click', () => {
  limit += PAGE_ROWS;
  show(true);
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  palette = readPalette();
  show();
});

const connection = byId('connection');
const states = {
  live: 'live',
  polling: 'every 5 s, because the stream cannot be had',
  lost: 'connection lost, trying again; the numbers are old',
} as const;

openFeed({
  onMessage(message, isAll) {
    model.take(message, isAll);
    show();
  },
  onState(state) {
    setText(connection, states[state]);
    setClass(connection, `pill ${state}`);
    document.body.classList.toggle('old', state === 'lost');
  },
});
