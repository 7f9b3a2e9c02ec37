/** The picture of one call against its deadline: which clock runs when, and what the caller gets. */
import { defaultOf } from './defaults.js';
import { arrow, box, lines, picture, rule, text, type Tone } from './svg.js';

const LEFT = 150;
const SECOND = 106;
/** `timeout.total` of the call, in seconds. */
const TOTAL = 6;
const END = 7.2;

const at = (seconds: number) => LEFT + seconds * SECOND;

interface Span {
  readonly from: number;
  readonly to: number;
}

const middleOf = ({ from, to }: Span) => at((from + to) / 2);

function drawSpan(span: Span, y: number, tone: Tone, words: readonly string[]): string[] {
  const { from, to } = span;
  return [
    box({ x: at(from), y, width: (to - from) * SECOND, height: 44 }, tone),
    lines(middleOf(span), y + (words.length === 1 ? 27 : 18), words, { anchor: 'middle' }),
  ];
}

/** A short span, with its name below it. */
function drawPause(span: Span, words: readonly string[]): string[] {
  return [
    ...drawSpan(span, 166, 'attempt', []),
    lines(middleOf(span), 228, words, { anchor: 'middle', isMuted: true }),
  ];
}

const lane = (y: number, name: string) => text(20, y + 27, name, { isStrong: true });

const seconds = Array.from({ length: 8 }, (_, second) => second);

export function drawDeadline(): string {
  const deadline = at(TOTAL);
  return picture({ width: 960, height: 430 }, 'One call against its deadline', [
    text(20, 32, 'timeout: { attempt: 2s, total: 6s }', { isMuted: true }),
    lane(70, 'caller'),
    ...drawSpan({ from: 0, to: TOTAL }, 70, 'call', [
      'the call: timeout.total, or the X-Deadline of the caller',
    ]),
    lane(166, 'Breakwater'),
    ...drawPause({ from: 0, to: 0.4 }, ['queue for', 'a slot']),
    ...drawPause({ from: 2.4, to: 2.8 }, ['back-off']),
    ...drawPause({ from: 4.0, to: 4.5 }, ['back-off']),
    lane(276, 'upstream'),
    ...drawSpan({ from: 0.4, to: 2.4 }, 276, 'bad', [
      'attempt 1: no response',
      'within timeout.attempt',
    ]),
    ...drawSpan({ from: 2.8, to: 4.0 }, 276, 'bad', ['attempt 2:', '503']),
    ...drawSpan({ from: 4.5, to: TOTAL }, 276, 'bad', ['attempt 3: ended', 'by the deadline']),
    rule(`M ${deadline} 48 V 362`, true),
    text(deadline, 40, 'deadline', { anchor: 'middle', isStrong: true }),
    lines(deadline + 12, 88, ['504', 'timeout-total'], {}),
    lines(deadline + 12, 184, ['no further', 'attempt']),
    lines(
      deadline + 12,
      288,
      ['its X-Deadline is', `${defaultOf('deadline', 'buffer')} earlier`],
      {},
    ),
    arrow(`M ${LEFT} 362 H ${at(END)}`),
    ...seconds.map((second) =>
      text(at(second), 384, `${second} s`, { anchor: 'middle', isMuted: true }),
    ),
    text(
      20,
      412,
      'A retry whose back-off would end after the deadline is not started. A waiting call leaves the queue at the deadline.',
      {
        isMuted: true,
      },
    ),
  ]);
}
