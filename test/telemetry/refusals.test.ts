import t from 'tap';
import { createLogger } from '../../src/telemetry/log/logger.js';
import { createRefusalLog } from '../../src/telemetry/log/refusals.js';
import { FakeClock } from '../support/fake-clock.js';

t.test('refusals are logged at most ten times a second, and the rest is counted', async (t) => {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>);
  const clock = new FakeClock();
  const log = createRefusalLog(createLogger({ level: 'info', destination: { write } }), clock);
  for (let i = 0; i < 25; i++) log(400, 'it is malformed');
  t.equal(lines.length, 10);
  t.match(lines[0], {
    level: 'warn',
    status: 400,
    msg: 'refused a request with 400 because it is malformed',
  });
  t.equal(lines[0]!.omitted, undefined);
  await clock.advance(1000);
  log(431, 'it is too long');
  log(431, 'it is too long');
  t.equal(lines.length, 12);
  t.match(lines[10], { status: 431, omitted: 15 });
  t.equal(lines[11]!.omitted, undefined);
});
