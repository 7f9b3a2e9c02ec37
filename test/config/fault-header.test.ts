import t from 'tap';
import { loadText } from '../../src/config/load.js';

/** What is wrong with the header of a fault. */
const errorsOf = (header: string) =>
  loadText(
    `upstreams: { a: { listen: 1, target: "http://a", fault: { header: ${header} } } }`,
    'f.yaml',
    {},
  ).diagnostics.map(({ line, column, message }) => `${line}:${column} ${message}`);

t.test('a fault is not asked for by a header that HTTP itself uses', async (t) => {
  for (const name of ['Host', 'hOST', 'Content-Length', 'connection', 'TE', 'Upgrade', 'via']) {
    t.same(errorsOf(name), [
      `1:67 must be the name of a header that HTTP itself does not use, such as X-Fault, or off, but is "${name}"`,
    ]);
  }
  for (const name of ['X-Fault', 'hosts', 'x-host', 'Fault', 'off'])
    t.same(errorsOf(name), [], name);
});
