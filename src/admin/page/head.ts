/** The line about the process, and the result of the last reload. */
import { ask } from './actions.js';
import { byId, h, setClass, setText, table } from './dom.js';
import { formatAge, formatBytes, formatShare, formatSpan, formatTime, plural } from './format.js';
import {
  countWarnings,
  type Diagnostic,
  type Lint,
  type Model,
  type ProcessInfo,
  type Reload,
} from './model.js';

export class Head {
  readonly #facts = new Map<string, HTMLElement>();
  #shown: string | undefined;
  #shownLint: string | undefined;

  constructor(model: Model) {
    byId('reload').addEventListener('click', () =>
      ask({
        title: 'Reload the configuration',
        effect: 'Reads the file again. A file with errors changes nothing.',
        method: 'POST',
        order: () => ({ path: '/reload', body: {} }),
        needsToken: model.process?.needsToken ?? false,
      }),
    );
  }

  update(info: ProcessInfo, at: string): void {
    setText(byId('version'), info.version);
    const { eventLoop, memory, config, shedding, wouldShed } = info;
    const share = memory.usedBytes / memory.limitBytes;
    this.#show('State', info.state, info.state === 'ready' ? 'good' : 'bad');
    this.#show('Up', formatSpan(Date.parse(at) - Date.parse(info.startedAt)));
    this.#show(
      'Configuration',
      [
        `${formatTime(config.appliedAt)} (${formatAge(config.appliedAt, at)})`,
        config.hash,
        countWarnings(info),
      ]
        .filter(Boolean)
        .join(', '),
    );
    this.#showLint(config.lint);
    if (eventLoop !== null) {
      const isLate = eventLoop.delayMs > 100;
      this.#show(
        'Event loop',
        `${Math.round(eventLoop.busy * 100)}% busy, ${eventLoop.delayMs} ms late`,
        isLate ? 'bad' : '',
      );
    }
    this.#show(
      'Memory',
      `${formatBytes(memory.usedBytes)} of ${formatBytes(memory.limitBytes)} (${formatShare(share)})`,
      share > 0.85 ? 'bad' : '',
    );
    this.#show(
      'Shedding',
      shedding === null
        ? wouldShed === null
          ? 'no'
          : `in shadow only: ${wouldShed}`
        : `yes: ${shedding}`,
      shedding === null ? '' : 'bad',
    );
    this.#show(
      'Last reload',
      describeReload(info.lastReload, at),
      isBad(info.lastReload) ? 'bad' : '',
    );
    this.#showReload(info.lastReload);
  }

  #show(name: string, text: string, kind = ''): void {
    let place = this.#facts.get(name);
    if (place === undefined) {
      place = h('dd');
      this.#facts.set(name, place);
      byId('process').append(h('div', {}, h('dt', {}, name), place));
    }
    setText(place, text);
    setClass(place, kind);
  }

  /** Folded: a configuration with warnings works. */
  #showLint(lint: Lint | null): void {
    const key = JSON.stringify(lint);
    if (key === this.#shownLint) return;
    this.#shownLint = key;
    const box = byId('lint');
    const { warnings = 0, infos = 0, diagnostics = [] } = lint ?? {};
    box.hidden = diagnostics.length === 0;
    const counts = `${plural(warnings, 'warning')} and ${plural(infos, 'info')}`;
    box.replaceChildren(
      h('summary', {}, `check has ${counts} about the configuration in force`),
      listDiagnostics(diagnostics, warnings + infos - diagnostics.length),
    );
  }

  /** Only one that was refused has more to tell. */
  #showReload(reload: Reload | null): void {
    const key = JSON.stringify(reload);
    if (key === this.#shown) return;
    this.#shown = key;
    const box = byId('reload-result');
    box.hidden = !isBad(reload);
    if (reload === null || !isBad(reload)) return;
    box.replaceChildren(
      h('h2', {}, 'The last reload was refused; the configuration before stays in force'),
      listDiagnostics(reload.diagnostics ?? [], reload.left ?? 0, reload.message),
    );
  }
}

/** @param left how many are not listed. @param message what is said where there are none. */
function listDiagnostics(
  diagnostics: readonly Diagnostic[],
  left: number,
  message = '',
): HTMLElement {
  const list = table(
    ['Where', 'What', 'Message'],
    diagnostics.map((each) => [
      `${each.file}:${each.line}:${each.column}`,
      `${each.level} ${each.path}`,
      each.message,
    ]),
    message,
  );
  return h('div', {}, list, left > 0 ? h('p', {}, `and ${left} more`) : '');
}

const isBad = (reload: Reload | null) => reload !== null && reload.result !== 'success';

function describeReload(reload: Reload | null, at: string): string {
  if (reload === null) return 'none since the start';
  const age = formatAge(reload.at, at);
  if (reload.result !== 'success') return `refused ${age}`;
  const { added = 0, removed = 0, changed = 0 } = reload.changes ?? {};
  return `${age}: ${added} added, ${removed} removed, ${changed} changed`;
}
