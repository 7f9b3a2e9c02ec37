import t from 'tap';
import { createCollectorLog } from '../../src/telemetry/log/collector.js';
import { createLogger } from '../../src/telemetry/log/logger.js';
import { FakeClock } from '../support/fake-clock.js';

const ENDPOINT = 'http://otel:4318/v1/traces';

function open() {
  const clock = new FakeClock();
  const lines: { level: string; msg: string; endpoint: string }[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
  const note = createCollectorLog(createLogger({ level: 'info', destination }), clock);
  return { clock, lines, note: (why?: string) => note(ENDPOINT, why) };
}

t.test('there is a line when a collector fails, and one when it works again', async (t) => {
  const { lines, note } = open();
  note();
  t.same(lines, [], 'that it works is no news');
  for (let i = 0; i < 5; i++) note('connect ECONNREFUSED');
  note('it responded 503');
  t.match(lines, [
    {
      level: 'warn',
      endpoint: ENDPOINT,
      msg: `Cannot send spans to ${ENDPOINT} because connect ECONNREFUSED`,
    },
  ]);
  note();
  note();
  t.match(lines.slice(1), [{ level: 'info', msg: `spans are sent to ${ENDPOINT} again` }]);
  t.equal(lines.length, 2);
});

t.test('one that fails and works in turns has two lines in 10 s', async (t) => {
  const { clock, lines, note } = open();
  for (let i = 0; i < 100; i++) {
    note('it responded 503');
    note();
    await clock.advance(100);
  }
  t.equal(lines.length, 2);
  note('it responded 503');
  t.equal(lines.length, 3, 'a failure that lasts is told');
});
