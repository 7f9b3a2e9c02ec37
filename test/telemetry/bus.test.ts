import t from 'tap';
import { joinSinks, type Sink } from '../../src/telemetry/bus.js';

t.test('passes each event on to all sinks in their order', async (t) => {
  const seen: string[] = [];
  const sink = (name: string): Sink => ({
    scope: (upstream, route) => (event) =>
      seen.push(`${name}: ${event.type} of ${upstream}/${route}`),
  });
  const emit = joinSinks([sink('first'), sink('second')]).scope('catalog', 'search');
  emit({ type: 'retry-started' });
  t.same(seen, [
    'first: retry-started of catalog/search',
    'second: retry-started of catalog/search',
  ]);
});
