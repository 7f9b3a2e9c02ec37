import type { Socket } from 'node:net';
import t from 'tap';
import { ReadPause } from '../../../src/outbound/http1/read-pause.js';

/** A pause over a socket that notes what is done to it. */
function open() {
  const done: string[] = [];
  const socket = { pause: () => done.push('pause'), resume: () => done.push('resume') };
  return { pause: new ReadPause(socket as unknown as Socket), done };
}

const ticks = () => new Promise((resolve) => setImmediate(resolve));

t.test('a wait that is over within two ticks stops no reading', async (t) => {
  const { pause, done } = open();
  pause.on();
  pause.off();
  await ticks();
  pause.on();
  process.nextTick(() => process.nextTick(() => {}));
  process.nextTick(() => pause.off());
  await ticks();
  t.strictSame(done, []);
});

t.test('a wait that lasts stops the reading, once, until it is over', async (t) => {
  const { pause, done } = open();
  pause.on();
  pause.on();
  t.strictSame(done, []);
  await ticks();
  t.strictSame(done, ['pause']);
  pause.on();
  await ticks();
  pause.off();
  pause.off();
  t.strictSame(done, ['pause', 'resume']);
});

t.test('a second wait in the same tick counts like the first', async (t) => {
  const { pause, done } = open();
  pause.on();
  pause.off();
  pause.on();
  await ticks();
  t.strictSame(done, ['pause']);
});
