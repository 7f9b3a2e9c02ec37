/** One picture of `top`: the process, the worst upstreams in words, and the table. */
import { describeSince, factsOf } from '../../admin/page/facts.js';
import {
  formatAge,
  formatBytes,
  formatShare,
  formatSpan,
  formatTime,
  plural,
} from '../../admin/page/format.js';
import {
  countWarnings,
  lookOf,
  type Known,
  type Model,
  type ProcessInfo,
  type Reload,
} from '../../admin/page/model.js';
import { colourOf, renderTable, stateOf } from './table.js';
import { clean, cut, padEnd, paint, wrap, type Style } from './text.js';

export interface View {
  readonly model: Model;
  /** The address of the admin server. */
  readonly source: string;
  readonly connection: 'stream' | 'polls' | 'lost';
  /** Why it was lost; the end of a sentence. */
  readonly why: string;
  /** ms since the epoch. */
  readonly nowMs: number;
}

/** Upstreams told of in words. */
const STORIES = 3;

/** Lines that the table has at least, before upstreams are told of in words. */
const TABLE = 6;

/** @returns at most `style.rows` lines of at most `style.columns` characters. */
export function renderFrame(view: View, style: Style): string[] {
  const { model } = view;
  const { process } = model;
  if (process === undefined) return [];
  const head = [
    ...describeConnection(view, style),
    ...describeProcess(view, process, style),
    ...paintAll(wrap(clean(model.summary(), style), style.columns), 'bold', style),
    '',
  ];
  const sorted = model.sorted('trouble');
  let left = style.rows - head.length - Math.min(TABLE, sorted.length + 1);
  const stories: string[] = [];
  for (const known of model.inTrouble().slice(0, STORIES)) {
    const story = [...tell(known, model.at, style), ''];
    left -= story.length;
    if (left < 0) break;
    stories.push(...story);
  }
  const room = style.rows - head.length - stories.length - 1;
  // One line says how many are not shown.
  const shown = sorted.length > room ? sorted.slice(0, Math.max(0, room - 1)) : sorted;
  const rest = sorted.length - shown.length;
  const lines = [
    ...head,
    ...stories,
    ...renderTable(shown, model.at, style),
    ...(rest > 0 ? [`and ${plural(rest, 'upstream')} more`] : []),
  ];
  return lines.slice(0, style.rows);
}

const paintAll = (lines: readonly string[], colour: Parameters<typeof paint>[1], style: Style) =>
  lines.map((line) => paint(line, colour, style));

function describeConnection({ connection, why, model, nowMs }: View, style: Style): string[] {
  if (connection !== 'lost') return [];
  const age = formatSpan(nowMs - Date.parse(model.at));
  const text = `Connection lost, trying again: ${why}. The numbers are ${age} old.`;
  return paintAll(wrap(clean(text, style), style.columns), 'red', style);
}

function describeProcess({ source, connection, model }: View, info: ProcessInfo, style: Style) {
  const { at } = model;
  const { version, state, startedAt, config, eventLoop, memory, shedding, wouldShed, lastReload } =
    info;
  const warned = countWarnings(info);
  const share = formatShare(memory.usedBytes / memory.limitBytes);
  const facts = [
    `configuration ${config.hash}${warned === '' ? '' : ` with ${warned}`} since ${formatTime(config.appliedAt)}, ${formatAge(config.appliedAt, at)}`,
    eventLoop === null
      ? ''
      : `event loop ${Math.round(eventLoop.busy * 100)}% busy, ${eventLoop.delayMs} ms late`,
    `memory ${formatBytes(memory.usedBytes)} of ${formatBytes(memory.limitBytes)} (${share})`,
    connection === 'polls' ? 'read every 5 s, because the stream is full' : '',
  ];
  const up = formatSpan(Date.parse(at) - Date.parse(startedAt));
  const lines = [
    `Breakwater ${version} at ${source}: ${state}, up ${up}, at ${formatTime(at)}`,
    facts.filter(Boolean).join('; '),
    shedding === null ? '' : `It refuses calls: ${shedding}.`,
    wouldShed ? `In shadow, it would refuse calls: ${wouldShed}.` : '',
    describeRefusal(lastReload, at),
  ];
  return lines
    .filter((line) => line !== '')
    .flatMap((line) => wrap(clean(line, style), style.columns));
}

/** Empty for a reload that was taken. */
function describeRefusal(reload: Reload | null, at: string): string {
  if (reload === null || reload.result === 'success') return '';
  const [first] = reload.diagnostics ?? [];
  const what =
    first === undefined
      ? (reload.message ?? '')
      : `${first.file}:${first.line}:${first.column}: ${first.path}: ${first.message}`;
  return `The last reload was refused ${formatAge(reload.at, at)}: ${what}`;
}

function tell({ row }: Known, at: string, style: Style): string[] {
  const facts = factsOf(row, at);
  const indent = Math.max(...facts.map(({ name }) => name.length)) + 3;
  const width = Math.max(20, style.columns - indent);
  const lines = facts.flatMap(({ name, text }) =>
    wrap(clean(text, style), width).map(
      (line, i) => `  ${padEnd(i === 0 ? name : '', indent - 2)}${line}`,
    ),
  );
  const [sign] = stateOf(row, style);
  const { word } = lookOf(row.trouble.state);
  const title = clean(`${sign} ${row.name} ${word}${describeSince(row, at)}`, style);
  return [paint(cut(title, style.columns, style), colourOf(row), style), ...lines];
}
