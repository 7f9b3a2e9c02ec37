/** What the program itself says of its commands and endpoints, started as users start it. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Entries } from './snapshot.js';

const main = fileURLToPath(new URL('../../src/main.js', import.meta.url));

/** With each description in one line. */
function help(...command: string[]): string {
  const text = execFileSync(process.execPath, [main, ...command, '--help'], { encoding: 'utf8' });
  return text.replace(/\n {4,}/g, ' ');
}

/** The lines under a heading of the help: what is written to the left, and the notes in brackets to the right. */
function linesUnder(heading: string, text: string): [term: string, notes: string][] {
  const lines = new RegExp(`^${heading}:\\n((?:  .*\\n)+)`, 'm').exec(text)?.[1] ?? '';
  return [...lines.matchAll(/^  (\S.*?)(?:  +(.*))?$/gm)].map(([, term, description = '']) => [
    term!,
    /\(((?:default|choices): .*)\)$/.exec(description)?.[1] ?? '',
  ]);
}

/** `check`, `check [file]`, `check --strict`: the commands, their arguments and options. */
export function listCommands(): Entries {
  const entries: Entries = {};
  const add = (command: string, text: string) => {
    for (const [term, notes] of [
      ...linesUnder('Arguments', text),
      ...linesUnder('Options', text),
    ]) {
      const name = /--[\w-]+/.exec(term)?.[0] ?? term;
      entries[`${command} ${name}`] = notes === '' ? term : `${term} (${notes})`;
    }
  };
  const overview = help();
  add('breakwater', overview);
  for (const [term] of linesUnder('Commands', overview)) {
    const [name = ''] = term.split(' ');
    if (name === 'help') continue;
    const text = help(name);
    entries[name] = /^Usage: (.*)$/m.exec(text)![1]!;
    add(name, text);
  }
  return entries;
}

/** The endpoints that the admin listener names to a client that asks for an unknown path. */
export async function listEndpoints(): Promise<Entries> {
  const folder = mkdtempSync(join(tmpdir(), 'breakwater-compatibility-'));
  const file = join(folder, 'breakwater.yaml');
  writeFileSync(
    file,
    'admin: { listen: "127.0.0.1:0" }\nupstreams: { a: { listen: "127.0.0.1:0", target: "http://127.0.0.1:9" } }\n',
  );
  const program = spawn(process.execPath, [main, 'run', '--config', file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    for await (const line of createInterface(program.stdout)) {
      const address = /^breakwater: admin listens on (.*)$/.exec(line)?.[1];
      if (address === undefined) continue;
      const response = await fetch(`http://${address}/unknown`);
      const { detail } = (await response.json()) as { readonly detail: string };
      const [, list = ''] = detail.split('there are ');
      return Object.fromEntries(list.split(', ').map((endpoint) => [endpoint, {}]));
    }
    throw new Error('Cannot list the endpoints because the program ended before it was ready');
  } finally {
    if (program.exitCode === null) {
      program.kill();
      await once(program, 'exit');
    }
    rmSync(folder, { recursive: true });
  }
}
