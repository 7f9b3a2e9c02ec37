/** `breakwater top` as a process, in a pipe and in a real terminal, beside a real sidecar. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import t from 'tap';
import { node, pathOf } from '../support/program.js';
import {
  eventually,
  findFreePort,
  send,
  startSidecar,
  startUpstream,
  type Teardown,
} from '../support/sidecar.js';

/** `script` of util-linux runs a program in a terminal of its own. */
const withoutTerminal: string | false =
  spawnSync('script', ['--version']).status === 0 ? false : 'there is no script (util-linux)';

interface Running {
  readonly child: ChildProcess;
  readonly text: () => string;
  readonly errors: () => string;
  readonly exit: Promise<number | null>;
}

function start(
  t: Teardown,
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Running {
  const child = spawn(command, args, { env: { ...env, LANG: 'C.UTF-8' } });
  let text = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const exit = new Promise<number | null>((resolve) => {
    child.on('close', (code) => resolve(code));
  });
  t.teardown(() => void child.kill('SIGKILL'));
  return { child, text: () => text, errors: () => errors, exit };
}

const top = (t: Teardown, ...args: string[]) =>
  start(t, ...node(pathOf('main.js'), 'top', ...args));

/** In a terminal of 80 columns and 24 lines. */
function topInTerminal(t: Teardown, admin: string, env: Record<string, string> = {}): Running {
  const [command, args] = node(pathOf('main.js'), 'top', '--admin', admin);
  const line = ['stty rows 24 cols 80; exec', command, ...args].join(' ');
  // Nothing else of this process: NO_COLOR, FORCE_COLOR, CI and TMUX change what Node thinks of the terminal's colours.
  const terminal = { PATH: process.env['PATH'], TERM: 'xterm', ...env };
  return start(t, 'script', ['-qec', line, '/dev/null'], terminal);
}

/** With the character that begins commands made visible. */
const shown = (text: string) => text.replaceAll('\x1b', '␛');

async function startBroken(t: Teardown) {
  const upstream = await startUpstream(t, (_, response) => void response.writeHead(500).end());
  const yaml = `upstreams:
  broken: { listen: 0, target: "${upstream.url}", retry: off, circuitBreaker: { failureThreshold: 2 } }
  fine: { listen: 0, target: "${upstream.url}" }
`;
  const sidecar = await startSidecar(t, yaml);
  for (let i = 0; i < 3; i++) await send(sidecar.url('broken'));
  return sidecar;
}

t.test('one picture, as text and as JSON, needs no token', async (t) => {
  const { admin } = await startBroken(t);
  const once = top(t, '--once', '--admin', admin);
  t.equal(await once.exit, 0);
  t.match(
    once.text(),
    /1 of 2 in trouble\. Worst: broken \(circuit open\)\.\n\n■ broken circuit open since /,
  );
  t.match(once.text(), /\n■ circuit open {2}broken .*\n○ idle {10}fine .*\n$/);
  t.notMatch(shown(once.text()), '␛');
  const json = top(t, '--once', '--format', 'json', '--admin', admin);
  t.equal(await json.exit, 0);
  t.match(JSON.parse(json.text()), {
    process: { state: 'ready' },
    upstreams: [{ name: 'broken', trouble: { state: 'open' } }, { name: 'fine' }],
  });
  t.equal(json.text().split('\n').length, 2);
});

t.test('an admin server that is not there ends it', async (t) => {
  const admin = `127.0.0.1:${await findFreePort()}`;
  for (const more of [[], ['--once'], ['--format', 'json']]) {
    const { exit, errors, text } = top(t, '--admin', admin, ...more);
    t.equal(await exit, 1);
    t.equal(
      errors(),
      `breakwater: error: Cannot read the admin server at http://${admin} because nothing listens there; --admin says where it is\n`,
    );
    t.equal(text(), '');
  }
  t.equal(await top(t, '--admin', 'ftp://a').exit, 1);
});

t.test('in a pipe one picture follows the other, and the end of the reader ends it', async (t) => {
  const { admin } = await startBroken(t);
  const text = top(t, '--admin', admin);
  await eventually(
    'there are two pictures',
    () => (text.text().match(/^State /gm)?.length ?? 0) >= 2,
  );
  t.notMatch(shown(text.text()), '␛');
  text.child.stdout!.destroy();
  t.equal(await text.exit, 0);
  const json = top(t, '--admin', admin, '--format', 'json');
  await eventually('there are two lines', () => json.text().split('\n').length > 2);
  for (const line of json.text().trim().split('\n')) JSON.parse(line);
  json.child.kill('SIGTERM');
  t.equal(await json.exit, 0);
});

t.test('a terminal is drawn over, and is left as it was', { skip: withoutTerminal }, async (t) => {
  const sidecar = await startBroken(t);
  const coloured = topInTerminal(t, sidecar.admin);
  const grey = topInTerminal(t, sidecar.admin, { NO_COLOR: '1' });
  for (const { text } of [coloured, grey])
    await eventually('there are two pictures', () => text().split('\x1b[H').length > 2);
  t.ok(coloured.text().startsWith('\x1b[?1049h\x1b[?25l\x1b[H'), 'the second screen');
  t.match(shown(coloured.text()), '␛[31m■ circuit open␛[0m  broken');
  t.notMatch(shown(grey.text()), /␛\[\d*m/);
  coloured.child.stdin!.write('\x03');
  grey.child.stdin!.write('q');
  for (const { text, exit } of [coloured, grey]) {
    t.equal(await exit, 0);
    t.match(shown(text()), /␛\[\?25h␛\[\?1049l\s*$/);
  }
});

t.test('a terminal that only writes gets no commands', { skip: withoutTerminal }, async (t) => {
  const { admin } = await startBroken(t);
  const { child, text, exit } = topInTerminal(t, admin, { TERM: 'dumb' });
  await eventually('there are two pictures', () => (text().match(/^State /gm)?.length ?? 0) >= 2);
  t.notMatch(shown(text()), '␛');
  for (const line of text().split('\r\n')) t.ok(line.length <= 80, line);
  child.stdin!.write('\x03');
  t.ok([0, 130].includes((await exit)!));
});

t.test('it says that the connection is lost, and comes back', async (t) => {
  const port = await findFreePort();
  const yaml = `admin: { listen: "127.0.0.1:${port}" }\nupstreams: { a: { listen: 0, target: "http://127.0.0.1:1" } }\n`;
  const first = await startSidecar(t, yaml);
  const { text, child, exit } = top(t, '--admin', String(port));
  await eventually('it is there', () => text().includes('The upstream is well.'));
  await first.stop();
  await eventually('it is lost', () => text().includes('Connection lost, trying again: '));
  const before = text().length;
  await startSidecar(t, yaml);
  await eventually('it is back', () => text().slice(before).includes('\n\nBreakwater '));
  child.kill('SIGINT');
  t.equal(await exit, 0);
});
