/** The small chart of a row: a bar per slot, bad calls at its foot, and a line below where the circuit was open. */
import type { History } from './history.js';

const WIDTH = 180;
const HEIGHT = 30;
const FOOT = 4;

/** Colours come from the style sheet, which knows light and dark. */
export interface Palette {
  readonly good: string;
  readonly degraded: string;
  readonly refused: string;
  readonly failed: string;
  readonly open: string;
  readonly probing: string;
  readonly forced: string;
  readonly line: string;
}

export function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const read = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    good: read('good'),
    degraded: read('degraded'),
    refused: read('refused'),
    failed: read('failed'),
    open: read('failed'),
    probing: read('degraded'),
    forced: read('refused'),
    line: read('line'),
  };
}

export function createStrip(): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  const ratio = Math.max(1, Math.ceil(window.devicePixelRatio));
  canvas.width = WIDTH * ratio;
  canvas.height = HEIGHT * ratio;
  canvas.className = 'strip';
  canvas.setAttribute('role', 'img');
  canvas.getContext('2d')?.scale(ratio, ratio);
  return canvas;
}

export function drawStrip(canvas: HTMLCanvasElement, history: History, palette: Palette): void {
  const context = canvas.getContext('2d');
  if (context === null) return;
  context.clearRect(0, 0, WIDTH, HEIGHT);
  const { calls, failed, refused, degradedShare, circuit } = history;
  const top = Math.max(1, ...calls);
  const step = WIDTH / calls.length;
  const room = HEIGHT - FOOT - 1;
  const bar = (i: number, from: number, to: number, colour: string): void => {
    context.fillStyle = colour;
    context.fillRect(i * step, room - to, Math.max(1, step - 0.6), to - from);
  };
  // The whole time, also where there was no call.
  context.fillStyle = palette.line;
  context.fillRect(0, room, WIDTH, 1);
  for (const [i, count] of calls.entries()) {
    if (count > 0) {
      const scale = room / top;
      // What went wrong stays visible among many good calls.
      const atLeast = (part: number) => (part === 0 ? 0 : Math.max(2, part * scale));
      const bad = atLeast(failed[i]!);
      const turned = bad + atLeast(refused[i]!);
      const stood = turned + atLeast(degradedShare[i]! * count);
      bar(i, stood, Math.max(stood, Math.max(1.5, count * scale)), palette.good);
      bar(i, turned, stood, palette.degraded);
      bar(i, bad, turned, palette.refused);
      bar(i, 0, bad, palette.failed);
    }
    const colour = footOf(circuit[i]!, palette);
    if (colour === undefined) continue;
    context.fillStyle = colour;
    context.fillRect(i * step, HEIGHT - FOOT, step, FOOT);
  }
  canvas.setAttribute('aria-label', describe(history));
}

function footOf(circuit: string, palette: Palette): string | undefined {
  if (circuit === 'open') return palette.open;
  if (circuit === 'half-open') return palette.probing;
  return circuit === 'closed' ? undefined : palette.forced;
}

const sum = (list: readonly number[]) => list.reduce((total, each) => total + each, 0);

/** For those who do not see it. */
function describe({ calls, failed, refused, circuit }: History): string {
  const open = circuit.filter((state) => state === 'open').length;
  return `Last 15 minutes: ${sum(calls)} calls, ${sum(failed)} failed, ${sum(refused)} refused, circuit open in ${open} of ${calls.length} slots`;
}
