/** `npm run record`: plays the demo in a terminal, and writes what it shows to docs/pictures/demo.svg. Takes half a minute. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { renderSvg, type Frame } from './svg.js';
import { Terminal } from './terminal.js';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** Until the upstream has been away for some seconds. */
const SECONDS = 33;
const FRAME_MS = 1000;
const COLUMNS = 80;
/** Without the tips below, which name processes. */
const LINES = 17;

const command = `stty rows 40 cols ${COLUMNS}; exec '${process.execPath}' '${path('../../demo/main.js')}' --seconds ${SECONDS}`;
// `script` of util-linux runs it in a terminal of its own.
const demo = spawn('script', ['-qec', command, '/dev/null'], {
  env: { ...process.env, TERM: 'xterm', NO_COLOR: '' },
  stdio: ['ignore', 'pipe', 'inherit'],
});
const terminal = new Terminal();
const frames: Frame[] = [];
const take = (): void => {
  frames.push({
    atMs: frames.length * FRAME_MS,
    picture: terminal.read().slice(0, LINES),
  });
};
let timer: NodeJS.Timeout | undefined;
demo.stdout.setEncoding('utf8').on('data', (text: string) => {
  terminal.write(text);
  timer ??= setInterval(take, FRAME_MS);
});
const [code] = (await once(demo, 'close')) as [number | null];
clearInterval(timer);
if (code !== 0) throw new Error(`The demo ended with ${code}`);
// The summary comes last, in the place of the pictures.
const shown = frames.slice(0, SECONDS - 1);
const title =
  'The demo: the same calls to an upstream with and without the sidecar, until the upstream is away and the last good responses stand in';
const file = path('../../../docs/pictures/demo.svg');
writeFileSync(file, renderSvg(shown, shown.length * FRAME_MS, title, shown.length - 2));
process.stdout.write(`${file}: ${shown.length} pictures\n`);
