/** The picture of the circuit's states and what leads from one to another. */
import { defaultOf } from './defaults.js';
import { arrow, box, lines, picture, text, type Box, type Tone } from './svg.js';

const valueOf = (option: string) => defaultOf('circuitBreaker', option);

const title = { anchor: 'middle', isStrong: true } as const;
const centred = { anchor: 'middle' } as const;

function drawState(place: Box, tone: Tone, name: string, what: readonly string[]): string[] {
  const middle = place.x + place.width / 2;
  return [
    box(place, tone),
    text(middle, place.y + 28, name, title),
    lines(middle, place.y + 52, what, centred),
  ];
}

export function drawCircuit(): string {
  return picture({ width: 880, height: 400 }, 'The states of a circuit', [
    ...drawState({ x: 24, y: 40, width: 210, height: 92 }, 'good', 'closed', [
      'calls go through,',
      'results are counted',
    ]),
    ...drawState({ x: 646, y: 40, width: 210, height: 92 }, 'bad', 'open', [
      'calls are refused:',
      '503 circuit-open',
    ]),
    ...drawState({ x: 335, y: 276, width: 210, height: 92 }, 'attempt', 'half-open', [
      'at most halfOpenMaxCalls',
      `(${valueOf('halfOpenMaxCalls')}) probes at a time`,
    ]),
    arrow('M 234 72 H 644'),
    lines(
      440,
      42,
      [`failureThreshold (${valueOf('failureThreshold')}) failures in a row, or`],
      centred,
    ),
    lines(
      440,
      94,
      ['a share of failed attempts (failureRate)', 'or of slow attempts (slowCall)'],
      centred,
    ),
    arrow('M 790 132 V 322 H 547'),
    lines(780, 300, [`after recoveryTimeout (${valueOf('recoveryTimeout')}),`], { anchor: 'end' }),
    lines(780, 342, ['with the next call'], { anchor: 'end' }),
    arrow('M 480 276 V 204 H 700 V 134'),
    lines(690, 174, ['one probe fails: recoveryTimeout', 'x recoveryMultiplier'], {
      anchor: 'end',
    }),
    arrow('M 335 322 H 100 V 134'),
    lines(112, 300, [`successThreshold (${valueOf('successThreshold')})`], {}),
    lines(112, 342, ['successful probes'], {}),
  ]);
}
