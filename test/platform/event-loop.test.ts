import { setTimeout as pause } from 'node:timers/promises';
import t from 'tap';
import { LoopWatch } from '../../src/platform/event-loop.js';

t.test('a reading right after the one before says nothing', async (t) => {
  const loop = new LoopWatch();
  t.equal(loop.read(), undefined, 'it is off');
  loop.isOn = true;
  t.teardown(() => (loop.isOn = false));
  t.equal(loop.read(), undefined, 'whatever asks for it would look like all of the work');
  await pause(300);
  const reading = loop.read();
  t.ok(reading !== undefined && reading.busy < 0.9, `${reading?.busy}`);
});
