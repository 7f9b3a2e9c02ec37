/** The picture of how a call goes through the policies. */
import { arrow, box, lines, picture, text } from './svg.js';

/** Around the whole call, from the outside in. */
const callPolicies = [
  ['1  fallback', 'replaces a failure'],
  ['2  idempotency', 'sends a kept response to a repeat'],
  ['3  rateLimit', 'refuses what comes too fast'],
  ['4  deadline, timeout.total', 'end the call in time'],
  ['5  bulkhead', 'gives the call one slot, or a place in the queue'],
  ['6  retry', 'makes up to maxAttempts attempts'],
] as const;

const LEFT = 232;
const RIGHT = 960;
const TOP = 56;
const BOTTOM = 486;
const HEADER = 34;
const INSET = 12;
const ROW_HEIGHT = 46;
const ROW_GAP = 8;
const MIDDLE = 337;

const title = { anchor: 'middle', isStrong: true } as const;

function drawCallPolicies(): string[] {
  return callPolicies.flatMap(([name, purpose], level) => {
    const x = LEFT + level * INSET;
    const y = TOP + level * HEADER;
    const width = RIGHT - LEFT - 2 * level * INSET;
    const height = BOTTOM - TOP - level * (HEADER + INSET);
    return [
      box({ x, y, width, height }, 'call'),
      text(x + 12, y + 22, name, { isStrong: true }),
      text(x + width - 12, y + 22, purpose, { anchor: 'end', isMuted: true }),
    ];
  });
}

function drawAttempt(number: number): string[] {
  const last = callPolicies.length - 1;
  const x = LEFT + last * INSET + 16;
  const right = RIGHT - last * INSET - 16;
  const y = TOP + callPolicies.length * HEADER + (number - 1) * (ROW_HEIGHT + ROW_GAP);
  const middle = y + ROW_HEIGHT / 2;
  const hedge = { x: x + 92, y: y + 7, width: 92, height: ROW_HEIGHT - 14 };
  const breaker = { x: hedge.x + 108, y: y + 7, width: 150, height: ROW_HEIGHT - 14 };
  const timeout = { x: breaker.x + 166, y: y + 7, width: 104, height: ROW_HEIGHT - 14 };
  const fault = { x: timeout.x + 120, y: y + 7, width: 84, height: ROW_HEIGHT - 14 };
  return [
    box({ x, y, width: right - x, height: ROW_HEIGHT }, 'attempt', number > 1),
    text(x + 12, middle + 5, `attempt ${number}`),
    box(hedge, 'plain'),
    text(hedge.x + hedge.width / 2, middle + 5, '7  hedge', title),
    arrow(`M ${hedge.x + hedge.width} ${middle} H ${breaker.x - 2}`),
    box(breaker, 'plain'),
    text(breaker.x + breaker.width / 2, middle + 5, '8  circuitBreaker', title),
    arrow(`M ${breaker.x + breaker.width} ${middle} H ${timeout.x - 2}`),
    box(timeout, 'plain'),
    text(timeout.x + timeout.width / 2, middle + 5, '9  timeout', title),
    arrow(`M ${timeout.x + timeout.width} ${middle} H ${fault.x - 2}`),
    box(fault, 'plain'),
    text(fault.x + fault.width / 2, middle + 5, '10  fault', title),
    arrow(`M ${fault.x + fault.width} ${middle} H 1002`),
  ];
}

export function drawPipeline(): string {
  return picture({ width: 1124, height: 510 }, 'How a call goes through the policies', [
    text(LEFT, 34, '1 to 6: once per call', { isMuted: true }),
    text(RIGHT, 34, '7 to 10: once per attempt', {
      anchor: 'end',
      isMuted: true,
    }),
    box({ x: 20, y: MIDDLE - 34, width: 84, height: 68 }, 'plain'),
    text(62, MIDDLE + 5, 'caller', title),
    arrow(`M 104 ${MIDDLE} H 122`),
    box({ x: 124, y: MIDDLE - 34, width: 84, height: 68 }, 'call', true),
    text(166, MIDDLE + 5, 'overload', title),
    lines(166, MIDDLE + 56, ['for the', 'process'], { anchor: 'middle', isMuted: true }),
    arrow(`M 208 ${MIDDLE} H ${LEFT - 2}`),
    ...drawCallPolicies(),
    ...[1, 2, 3].flatMap(drawAttempt),
    box({ x: 1004, y: MIDDLE - 93, width: 100, height: 186 }, 'plain'),
    text(1054, MIDDLE + 5, 'upstream', title),
  ]);
}
