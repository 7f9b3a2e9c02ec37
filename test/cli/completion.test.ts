/** The completion scripts, asked in real shells as a user's Tab key does. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { completion, type Shell } from '../../src/cli/completion.js';
import { namesOf, optionsOf } from '../../src/cli/completion/command-tree.js';
import { program } from '../../src/program.js';

function scriptFor(shell: Shell): string {
  let script = '';
  const output = {
    env: {},
    stdout: { write: (text: string) => (script += text) },
    stderr: process.stderr,
  };
  t.equal(completion(shell, program, output), 0);
  return script;
}

interface Folder {
  testdir(): string;
}

const PATH = process.env['PATH'] ?? '';

/** Nothing of the user's own shell gets in. */
const run = (command: string, args: readonly string[], input: string, cwd: string) => {
  const { stdout, stderr } = spawnSync(command, args, {
    input,
    cwd,
    env: { PATH, HOME: cwd, LC_ALL: 'C' },
    encoding: 'utf8',
  });
  t.equal(stderr, '', `${command} says nothing to standard error`);
  return stdout.split('\n').filter((line) => line !== '');
};

const missing = (shell: string) =>
  spawnSync(shell, ['--version']).status === 0 ? false : `there is no ${shell}`;

/** @param words as bash divides them; the last one is being completed. */
function askBash(t: Folder, ...words: readonly string[]): readonly string[] {
  const quoted = words.map((word) => `'${word}'`).join(' ');
  return run(
    'bash',
    ['--norc', '--noprofile'],
    `${scriptFor('bash')}
COMP_WORDS=(breakwater ${quoted})
COMP_CWORD=${words.length}
_breakwater
printf '%s\\n' "\${COMPREPLY[@]}"
`,
    t.testdir(),
  );
}

const commands = program.commands.map((command) => command.name());

t.test('bash completes commands, options, and values of options', async (t) => {
  t.same(askBash(t, ''), commands);
  t.same(askBash(t, 'ch'), ['check']);
  t.same(askBash(t, '-'), ['-V', '--version', '-h', '--help']);
  t.same(askBash(t, 'check', '--form'), ['--format']);
  t.same(askBash(t, 'check', '--format', ''), ['text', 'json', 'github', 'sarif']);
  t.same(askBash(t, 'check', '--format', '=', 'js'), ['json'], 'after an equals sign');
  t.same(askBash(t, 'check', '--format', '='), ['text', 'json', 'github', 'sarif']);
  t.same(askBash(t, 'explain', '--upstream', ''), [], 'what only the user knows');
});

t.test('bash completes arguments by their place, wherever options stand', async (t) => {
  t.same(askBash(t, 'import', ''), ['dapr', 'envoy', 'resilience4j']);
  t.same(askBash(t, 'import', 'dapr', ''), [], 'files are left to bash');
  t.same(askBash(t, 'simulate', '--format', 'json', '--scenario', 'st'), ['steady']);
  t.same(askBash(t, 'simulate', '--format', '=', 'json', '--scenario', 'st'), ['steady']);
  t.same(
    askBash(t, 'run', '-c', 'check', '-'),
    ['-c', '--config', '-h', '--help'],
    'a value is no command',
  );
  t.same(askBash(t, 'completion', 'bash', ''), [], 'after the last argument');
});

t.test('bash knows every option of every command', async (t) => {
  for (const command of program.commands) {
    t.same(askBash(t, command.name(), '-'), optionsOf(command).flatMap(namesOf), command.name());
  }
});

t.test('bash runs nothing that stands on the command line', async (t) => {
  const folder = t.testdir();
  run(
    'bash',
    ['--norc', '--noprofile'],
    `${scriptFor('bash')}\nCOMP_WORDS=(breakwater '$(touch ran)' '\`touch ran\`')\nCOMP_CWORD=2\n_breakwater\n`,
    folder,
  );
  t.same(run('ls', [], '', folder), []);
});

t.test('fish completes the same', { skip: missing('fish') }, async (t) => {
  const folder = t.testdir();
  mkdirSync(join(folder, 'conf.d'));
  writeFileSync(join(folder, 'breakwater.fish'), scriptFor('fish'));
  const ask = (line: string) => {
    const command = `source breakwater.fish; complete -C '${line}'`;
    return run('fish', ['--no-config', '-c', command], '', folder).map(
      (each) => each.split('\t')[0],
    );
  };
  t.same(ask('breakwater '), commands.toSorted());
  t.same(ask('breakwater check --format '), ['github', 'json', 'sarif', 'text']);
  t.same(ask('breakwater import '), ['dapr', 'envoy', 'resilience4j']);
  t.same(ask('breakwater import dapr con'), ['conf.d/'], 'files');
  t.same(ask('breakwater run --config con'), ['conf.d/'], 'a file as a value');
  t.same(ask('breakwater run -c check --'), ['--config', '--help'], 'a value is no command');
  t.same(ask('breakwater explain --upstream '), []);
});

t.test('zsh can read its script', { skip: missing('zsh') }, async (t) => {
  const folder = t.testdir();
  const file = join(folder, '_breakwater');
  writeFileSync(file, scriptFor('zsh'));
  t.same(run('zsh', ['-f', '-n', file], '', folder), []);
  // The functions of zsh's completion are replaced by ones that show what they are given.
  const shown = run(
    'zsh',
    ['-f'],
    `compdef() { }
_arguments() { print -rl -- "$@"; [[ $1 == -C ]] && state=argument }
words=(check); source ${file}; _breakwater
`,
    folder,
  );
  t.ok(shown.includes('(-h --help)-h[display help for command]'), 'a flag');
  t.ok(shown.includes('*:files:_files'), 'files');
  t.match(
    shown.find((each) => each.startsWith('--format=')),
    /^--format=\[.*JSON array.*\]:.*:\(text json github sarif\)$/,
  );
  t.match(
    shown.find((each) => each.startsWith('--format=')),
    '\\: one JSON array',
    'a colon is escaped',
  );
});
