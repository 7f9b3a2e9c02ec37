import t from 'tap';
import { chooseFormat, openMetrics, textFormat } from '../../src/telemetry/exposition/formats.js';

const OPEN_METRICS = 'application/openmetrics-text';

t.test('is OpenMetrics for a scrape that prefers it', async (t) => {
  const accepts = [
    // Prometheus 2.42 and 3.
    `${OPEN_METRICS};version=1.0.0,${OPEN_METRICS};version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1`,
    `${OPEN_METRICS};version=1.0.0;escaping=allow-utf-8;q=0.5,${OPEN_METRICS};version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.2,*/*;q=0.1`,
    OPEN_METRICS,
    `${OPEN_METRICS}; version=0.0.1`,
    `Application/OpenMetrics-Text; version="1.0.0"`,
    `text/plain;q=0.5, ${OPEN_METRICS}`,
    `text/plain, ${OPEN_METRICS}`,
    `${OPEN_METRICS};version=2.0.0, ${OPEN_METRICS};version=1.0.0;q=0.5`,
  ];
  for (const accept of accepts) t.equal(chooseFormat(accept), openMetrics, accept);
});

t.test('is text for all others', async (t) => {
  const accepts = [
    undefined,
    '',
    '*/*',
    'text/plain',
    'text/*, */*',
    'text/html,application/xhtml+xml,*/*;q=0.8',
    'application/*',
    `text/plain, ${OPEN_METRICS};q=0.9`,
    `${OPEN_METRICS};q=0`,
    `${OPEN_METRICS};q=x`,
    `${OPEN_METRICS};version=2.0.0`,
    'application/openmetrics-protobuf',
    ';;;,,,q=1',
  ];
  for (const accept of accepts) t.equal(chooseFormat(accept), textFormat, accept ?? 'none');
});

t.test('OpenMetrics names a counter without its ending, and units', async (t) => {
  t.equal(
    openMetrics.head('x_seconds_total', 'counter', 'Time.'),
    '# TYPE x_seconds counter\n# UNIT x_seconds seconds\n# HELP x_seconds Time.\n',
  );
  t.equal(openMetrics.head('x', 'gauge', 'It.'), '# TYPE x gauge\n# HELP x It.\n');
  t.equal(
    textFormat.head('x_total', 'counter', 'It.'),
    '# HELP x_total It.\n# TYPE x_total counter\n',
  );
});
