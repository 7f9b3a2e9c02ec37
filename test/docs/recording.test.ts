/** The recording of the demo: what a terminal would show, as an SVG that plays by itself. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { root } from '../../tools/docs/documents.js';
import { renderSvg } from '../../tools/recording/svg.js';
import { Terminal } from '../../tools/recording/terminal.js';

const textOf = (terminal: Terminal) =>
  terminal.read().map((spans) => spans.map(({ text }) => text).join(''));

t.test('a terminal keeps what is on its screen', async (t) => {
  const terminal = new Terminal();
  terminal.write('\u001B[?25l\u001B[1mone\u001B[0m two\u001B[K\r\nthree\r\nfour\r\n');
  t.strictSame(textOf(terminal), ['one two', 'three', 'four', '']);
  t.strictSame(terminal.read()[0], [
    { text: 'one', look: '1' },
    { text: ' two', look: '0' },
  ]);
  terminal.write('\u001B[3A\rONE\u001B[K\r\nTH\r\n\u001B[J');
  t.strictSame(textOf(terminal), ['ONE', 'THree', '']);
});

t.test('a sequence may come in two pieces', async (t) => {
  const terminal = new Terminal();
  for (const piece of ['a\u001B', '[3', '1mb']) terminal.write(piece);
  t.strictSame(terminal.read(), [
    [
      { text: 'a', look: '0' },
      { text: 'b', look: '31' },
    ],
  ]);
});

const picture = (text: string) => [[{ text, look: '32' }], [], [{ text: 'x ', look: '0' }]];

t.test('each picture is shown for its time, and nothing of it is markup', async (t) => {
  const frames = [
    { atMs: 0, picture: picture('<a & b>') },
    { atMs: 1000, picture: picture('2') },
    { atMs: 3000, picture: picture('3') },
  ];
  const svg = renderSvg(frames, 4000, 'a "title"', 1);
  t.match(svg, '<tspan class="l32">&lt;a &amp; b&gt;</tspan></text><text x="14" y="63.5">x</text>');
  t.match(
    svg,
    /animation:(\S+) 4000ms 0ms infinite.*\n.*class="still" style="animation:s50_000 4000ms 1000ms/,
  );
  t.match(svg, '@keyframes s50_000{0%,50.000%{visibility:visible}50.001%,100%{visibility:hidden}}');
});

t.test('the recording in the README reaches the outage and the fallbacks', async (t) => {
  t.match(readFileSync(join(root, 'README.md'), 'utf8'), '](docs/pictures/demo.svg)');
  const recording = readFileSync(join(root, 'docs/pictures/demo.svg'), 'utf8');
  t.match(recording, 'Live page: http://');
  t.match(recording, '[outage]');
  t.match(recording, /sent the last good response instead of a failure to [1-9]\d+ calls/);
  t.ok(recording.length < 100_000, `${recording.length} bytes`);
});
