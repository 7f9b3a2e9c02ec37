/** The picture of two traces, with the times that Jaeger 1.76.0 showed: of a call that was retried, and of one that was hedged. */
import { box, picture, rule, text, type Tone } from './svg.js';

const LEFT = 190;
const ROW = 36;
const BAR = 22;

interface Bar {
  readonly name: string;
  readonly fromMs: number;
  readonly ms: number;
  readonly tone: Tone;
  readonly words: string;
}

interface Trace {
  readonly title: string;
  /** Of a millisecond. */
  readonly width: number;
  /** The first one is that of the call. */
  readonly bars: readonly Bar[];
  /** Events of the call's span. */
  readonly events: readonly { readonly atMs: number; readonly words: string }[];
}

const retried: Trace = {
  title: 'A call that was retried',
  width: 1.2,
  bars: [
    { name: 'GET /items/:id', fromMs: 0, ms: 440, tone: 'call', words: '440 ms: 200, 3 attempts' },
    { name: 'GET', fromMs: 26, ms: 57, tone: 'bad', words: '57 ms: 503' },
    { name: 'GET', fromMs: 171, ms: 48, tone: 'bad', words: '48 ms: 503, resend_count 1' },
    { name: 'GET', fromMs: 382, ms: 57, tone: 'good', words: '57 ms: 200, resend_count 2' },
  ],
  events: [
    { atMs: 171, words: 'breakwater.backoff: 80 ms, status' },
    { atMs: 382, words: 'breakwater.backoff: 160 ms, status' },
  ],
};

const hedged: Trace = {
  title: 'A call that was hedged',
  width: 4.8,
  bars: [
    { name: 'GET /prices/:id', fromMs: 0, ms: 110, tone: 'call', words: '110 ms: 200, 2 attempts' },
    { name: 'GET', fromMs: 0.3, ms: 106, tone: 'plain', words: '106 ms: cancelled' },
    { name: 'GET', fromMs: 62.7, ms: 43, tone: 'good', words: '43 ms: 200, hedge, resend_count 1' },
  ],
  events: [{ atMs: 110, words: 'breakwater.hedge: won' }],
};

/** A row for each span, and one for each event. */
const heightOf = ({ bars, events }: Trace) => 40 + bars.length * ROW + events.length * 20;

function draw({ title, width, bars, events }: Trace, top: number): string[] {
  const at = (ms: number) => LEFT + ms * width;
  const bottom = top + 28 + bars.length * ROW;
  return [
    text(20, top + 14, title, { isStrong: true }),
    ...bars.flatMap(({ name, fromMs, ms, tone, words }, row) => {
      const y = top + 28 + row * ROW;
      return [
        text(row === 0 ? 20 : 40, y + 16, name),
        box({ x: at(fromMs), y, width: ms * width, height: BAR }, tone),
        text(at(fromMs + ms) + 8, y + 16, words, { isMuted: true }),
      ];
    }),
    ...events.flatMap(({ atMs, words }, row) => {
      const y = bottom + 14 + row * 20;
      return [
        rule(`M ${at(atMs)} ${top + 24} v ${BAR + 8}`, true),
        text(LEFT, y, `at ${atMs} ms: ${words}`, { isMuted: true }),
      ];
    }),
  ];
}

export function drawTrace(): string {
  const second = 20 + heightOf(retried) + 20;
  const height = second + heightOf(hedged);
  return picture({ width: 980, height }, 'Two traces', [
    ...draw(retried, 16),
    ...draw(hedged, second),
  ]);
}
