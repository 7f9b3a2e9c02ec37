/** What the demo prints: a block redrawn in place on a terminal, else a line per second, and the summary at the end. */
import { plural } from '../src/lib/plural.js';
import { PATIENCE_MS } from './client.js';
import { script, type Phase } from './script.js';
import type { SidecarState } from './sidecar.js';
import { OVERDUE_MS, RECENT_SECONDS, type Tally, type WayRecord } from './tally.js';

/** The two ways to the upstream. */
export interface Ways {
  readonly without: WayRecord;
  readonly with: WayRecord;
}

/** A moment of the demo. */
export interface View {
  readonly elapsedMs: number;
  readonly phase: Phase;
  readonly phaseElapsedMs: number;
  readonly ways: Ways;
  readonly sidecar: SidecarState | undefined;
}

export interface Screen {
  /** How often to draw. */
  readonly intervalMs: number;
  draw(view: View): void;
  /** Leaves what was drawn last, and the cursor below it. */
  close(): void;
}

/** @param page address of the live page. @param tips lines to keep in sight. */
export function createScreen(
  output: NodeJS.WriteStream,
  env: NodeJS.ProcessEnv,
  page: string,
  tips: readonly string[],
): Screen {
  const hasEscapes = output.isTTY && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
  const invitation = `Live page: ${page}`;
  return hasEscapes
    ? redrawingScreen(output, invitation, tips)
    : lineScreen(output, invitation, tips);
}

const OVERDUE_NOTE = `There, a call that waits for more than ${seconds(OVERDUE_MS)} counts as failed.`;

const ESC = '\u001B[';
const HIDE_CURSOR = `${ESC}?25l`;
const SHOW_CURSOR = `${ESC}?25h`;
const CLEAR_BELOW = `${ESC}J`;
const styles = { plain: '0', bold: '1', dim: '2', red: '31', green: '32' } as const;

type Style = keyof typeof styles;
type Line = readonly [text: string, style?: Style];

function redrawingScreen(
  output: NodeJS.WriteStream,
  invitation: string,
  tips: readonly string[],
): Screen {
  let drawn = 0;
  output.write(HIDE_CURSOR);
  // A crash must not leave a terminal without a cursor.
  const showCursor = (): void => void output.write(SHOW_CURSOR);
  process.on('exit', showCursor);
  return {
    intervalMs: 250,
    draw(view) {
      const all = [
        [invitation, 'bold'] as const,
        ...block(view),
        ...tips.map((tip): Line => [tip, 'dim']),
      ];
      // What has scrolled off the top cannot be redrawn.
      const lines = all.slice(0, output.rows - 1);
      const up = drawn === 0 ? '' : `${ESC}${drawn}A\r`;
      // A line that wraps would be counted wrong; the last column makes some terminals wrap.
      const width = output.columns - 1;
      const text = lines.map(
        ([line, style = 'plain']) =>
          `${ESC}${styles[style]}m${line.slice(0, width)}${ESC}0m${ESC}K\n`,
      );
      output.write(`${up}${text.join('')}${CLEAR_BELOW}`);
      drawn = lines.length;
    },
    close() {
      process.off('exit', showCursor);
      showCursor();
    },
  };
}

function lineScreen(
  output: NodeJS.WriteStream,
  invitation: string,
  tips: readonly string[],
): Screen {
  output.write(
    `${invitation}\n\n${tips.join('\n')}\n\nShares and times below are of the last ${RECENT_SECONDS} s. ${OVERDUE_NOTE}\n\n`,
  );
  return {
    intervalMs: 1000,
    draw({ elapsedMs, phase, ways, sidecar }) {
      const parts = [
        `${seconds(elapsedMs)} ${phase.name}`,
        wayText('without', ways.without),
        wayText('with', ways.with),
        sidecarText(sidecar),
        `fallback for ${plural(sidecar?.fallbacks ?? 0, 'call')}`,
        `${plural(sidecar?.timeouts ?? 0, 'attempt')} hung`,
      ];
      output.write(`${parts.join(' | ')}\n`);
    },
    close() {},
  };
}

function wayText(name: string, record: WayRecord): string {
  const recent = record.recent();
  return (
    `${name}: ${percent(recent.successShare)} ok, p50 ${time(recent.quantile(0.5))}, ` +
    `p99 ${time(recent.quantile(0.99))}, ${plural(record.total.calls, 'call')}, ${record.waiting} waiting`
  );
}

function block(view: View): Line[] {
  const { elapsedMs, phase, phaseElapsedMs, ways, sidecar } = view;
  const leftMs = Math.max(0, phase.lastsMs - phaseElapsedMs);
  const header = row(COLUMNS);
  return [
    [`Breakwater demo, ${seconds(elapsedMs)}`, 'bold'],
    [''],
    [`upstream  ${phase.name}: ${phase.says} (${seconds(leftMs)} left)`, 'bold'],
    [`script    ${script.map(({ name }) => (name === phase.name ? `[${name}]` : name)).join(' ')}`],
    [`sidecar   ${sidecarText(sidecar)}`],
    ...storyOf(view).map((line): Line => [`          ${line}`]),
    [''],
    [`${label(`the last ${RECENT_SECONDS} s`)}${header}`, 'dim'],
    liveRow('without sidecar', ways.without.recent(), ways.without.waiting),
    liveRow('with sidecar', ways.with.recent(), ways.with.waiting),
    [OVERDUE_NOTE, 'dim'],
    [''],
    [`${label('the whole run')}${header}`, 'dim'],
    liveRow('without sidecar', ways.without.total, ways.without.waiting),
    liveRow('with sidecar', ways.with.total, ways.with.waiting),
    [''],
  ];
}

function liveRow(name: string, tally: Tally, waiting: number): Line {
  const share = tally.successShare ?? 1;
  return [wayRow(name, tally, waiting), share >= 0.99 ? 'green' : share < 0.9 ? 'red' : 'plain'];
}

/** What is done about it, in words. */
function storyOf({ ways, sidecar }: View): string[] {
  const hung = plural(ways.without.waiting, 'call');
  const { timeouts = 0, fallbacks = 0 } = sidecar ?? {};
  return [
    `ended ${plural(timeouts, 'attempt')} that hung; without the sidecar ${hung} hang${ways.without.waiting === 1 ? 's' : ''} now`,
    `sent the last good response instead of a failure to ${plural(fallbacks, 'call')}`,
  ];
}

function sidecarText(state: SidecarState | undefined): string {
  if (state === undefined) return 'admin API does not respond';
  const { circuit, retries, active, queued, limit } = state;
  return `circuit ${circuit}, ${plural(retries, 'retry', 'retries')}, bulkhead ${active}/${limit}, ${queued} queued`;
}

/** The closing tables: the whole run, then phase by phase. */
export function summarize(elapsedMs: number, ways: Ways): string {
  const seen = script.filter(({ name }) => ways.without.phase(name).calls > 0);
  const columns: readonly [title: string, of: (tally: Tally) => string][] = [
    ['success', (tally) => percent(tally.successShare)],
    ['p99', (tally) => time(tally.quantile(0.99))],
    ['fail p50', (tally) => time(tally.failureQuantile(0.5))],
  ];
  const lines = [
    `Summary of ${seconds(elapsedMs)}: the same calls over both ways; the client waits ${seconds(PATIENCE_MS)} for a response.`,
    '',
    label('the whole run') + row(COLUMNS),
    wayRow('without sidecar', ways.without.total, ways.without.waiting),
    wayRow('with sidecar', ways.with.total, ways.with.waiting),
    '',
    label('by phase') + columns.map(([title]) => row(['', title])).join(' |'),
    label('') + columns.map(() => row(['without', 'with'])).join(' |'),
    ...seen.map(({ name }) => {
      const both = [ways.without.phase(name), ways.with.phase(name)];
      return label(name) + columns.map(([, of]) => row(both.map(of))).join(' |');
    }),
    '',
    'A call counts for the phase in which it began. "fail": time until a call failed.',
    '"waiting": had neither a response nor a failure at the end; counted nowhere else.',
  ];
  return `${lines.join('\n')}\n`;
}

// Everything fits in 80 columns.
const label = (text: string) => text.padEnd(16);
const row = (cells: readonly string[]) => cells.map((cell) => cell.padStart(9)).join('');

const COLUMNS = ['calls', 'success', 'p50', 'p99', 'fail p50', 'fail p99', 'waiting'];

const wayRow = (name: string, tally: Tally, waiting: number) =>
  label(name) +
  row([
    String(tally.calls),
    percent(tally.successShare),
    time(tally.quantile(0.5)),
    time(tally.quantile(0.99)),
    time(tally.failureQuantile(0.5)),
    time(tally.failureQuantile(0.99)),
    String(waiting),
  ]);

function seconds(ms: number): string {
  return `${Math.floor(ms / 1000)} s`;
}

/** Rounded down, so that only a share without failures shows as 100%. */
function percent(share: number | undefined): string {
  return share === undefined ? '-' : `${(Math.floor(share * 1000) / 10).toFixed(1)}%`;
}

function time(ms: number | undefined): string {
  if (ms === undefined) return '-';
  return ms < 1000
    ? `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`
    : `${(ms / 1000).toFixed(1)} s`;
}
