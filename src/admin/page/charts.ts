/** The two larger charts of one upstream, drawn by uPlot: what became of the calls, and how long attempts took. */
import type uPlotType from 'uplot';
import { h } from './dom.js';
import { formatMs, formatTime } from './format.js';
import type { History } from './history.js';
import { readPalette } from './strip.js';

/** Its script is a classic one. */
declare const uPlot: typeof uPlotType;

const HEIGHT = 170;

const colour = (name: string) =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** Hours and minutes of a Unix time. */
const clockTime = (seconds: number) =>
  formatTime(new Date(seconds * 1000).toISOString()).slice(0, 5);

function axis(format: (value: number) => string): uPlotType.Axis {
  return {
    stroke: colour('quiet'),
    grid: { stroke: colour('line'), width: 1 },
    ticks: { stroke: colour('line'), width: 1 },
    ...(format === clockTime ? {} : { size: 64 }),
    values: (_plot, values) => values.map((value) => format(value)),
  };
}

const line = (label: string, stroke: string): uPlotType.Series => ({
  label,
  stroke,
  width: 2,
  spanGaps: false,
  points: { show: false },
  value: (_plot, value) => (value === null ? '–' : Number(value.toFixed(1)).toString()),
});

export class Charts {
  readonly element = h('div', { class: 'charts' });
  readonly #slotSeconds: number;
  #calls: uPlotType | undefined;
  #latency: uPlotType | undefined;
  readonly #resize = new ResizeObserver(() => this.#fit());

  constructor(slotSeconds: number) {
    this.#slotSeconds = slotSeconds;
    this.#resize.observe(this.element);
  }

  update(history: History, at: string): void {
    const seconds = this.#slotSeconds;
    const last = Math.floor(Date.parse(at) / 1000);
    const { calls } = history;
    const times = calls.map((_, i) => last - (calls.length - 1 - i) * seconds);
    const rate = (list: readonly number[]) => list.map((count) => count / seconds);
    const degraded = calls.map((count, i) => history.degradedShare[i]! * count);
    const good = calls.map((count, i) =>
      Math.max(0, count - history.failed[i]! - history.refused[i]! - degraded[i]!),
    );
    const ofCalls: uPlotType.AlignedData = [
      times,
      rate(good),
      rate(degraded),
      rate(history.refused),
      rate(history.failed),
    ];
    const ofLatency: uPlotType.AlignedData = [times, history.p50, history.p99];
    if (this.#calls === undefined) this.#create(ofCalls, ofLatency);
    this.#calls?.setData(ofCalls);
    this.#latency?.setData(ofLatency);
  }

  close(): void {
    this.#resize.disconnect();
    this.#calls?.destroy();
    this.#latency?.destroy();
  }

  #create(ofCalls: uPlotType.AlignedData, ofLatency: uPlotType.AlignedData): void {
    const palette = readPalette();
    const options = (title: string, series: uPlotType.Series[], axes: uPlotType.Axis[]) => ({
      title,
      width: this.#width(),
      height: HEIGHT,
      series: [
        {
          label: 'Time',
          value: (_plot: uPlotType, value: number | null) =>
            value === null ? '–' : clockTime(value),
        },
        ...series,
      ],
      axes,
      scales: {
        y: {
          range: {
            min: { pad: 0, soft: 0, mode: 1 as const },
            max: { pad: 0.1, soft: 0.1, mode: 1 as const },
          },
        },
      },
    });
    this.#calls = new uPlot(
      options(
        'Calls per second',
        [
          line('good', palette.good),
          line('from a fallback', palette.degraded),
          line('refused', palette.refused),
          line('failed', palette.failed),
        ],
        [axis(clockTime), axis((value) => value.toLocaleString('en'))],
      ),
      ofCalls,
      this.element,
    );
    this.#latency = new uPlot(
      options(
        'Attempts to their headers, ms',
        [line('p50', palette.good), line('p99', palette.refused)],
        [axis(clockTime), axis(formatMs)],
      ),
      ofLatency,
      this.element,
    );
  }

  /** Two side by side where there is room. */
  #width(): number {
    const all = this.element.clientWidth;
    return Math.max(240, all > 900 ? Math.floor(all / 2) - 12 : all);
  }

  #fit(): void {
    const size = { width: this.#width(), height: HEIGHT };
    this.#calls?.setSize(size);
    this.#latency?.setSize(size);
  }
}
