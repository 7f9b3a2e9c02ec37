/** The gRPC clients: each is installed in a temporary folder, with a pinned version, if its toolchain is there. */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The sources are not compiled, so they are read where they were written. */
const sources = fileURLToPath(new URL('../../../test/interop/clients/', import.meta.url));

export interface InstalledClient {
  /** With its version. */
  readonly name: string;
  readonly folder: string;
  /** Its calls can wait for a connection: without that, each call during a restart is lost. */
  readonly canWait: boolean;
  /** The case follows as arguments. */
  readonly command: readonly [string, ...string[]];
}

interface Installation {
  readonly name: string;
  readonly canWait: boolean;
  /** Shows whether the toolchain is there. */
  readonly toolchain: readonly [string, ...string[]];
  /** Returns the command. */
  readonly install: (folder: string) => Promise<readonly [string, ...string[]]>;
}

const installations: readonly Installation[] = [
  {
    name: 'grpc-js 1.14.7',
    canWait: true,
    toolchain: ['npm', '--version'],
    install: async (cwd) => {
      const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefix', cwd];
      await run('npm', ['install', ...flags, '@grpc/grpc-js@1.14.7'], { cwd });
      return [process.execPath, join(sources, 'grpc-js.mjs')];
    },
  },
  {
    name: 'grpcio 1.85.3',
    canWait: true,
    toolchain: ['python3', '-c', 'import venv, ensurepip'],
    install: async (cwd) => {
      const python = join(cwd, 'bin/python');
      await run('python3', ['-m', 'venv', cwd]);
      await run(python, ['-m', 'pip', 'install', '--quiet', 'grpcio==1.85.3'], { cwd });
      return [python, join(sources, 'grpcio.py')];
    },
  },
  {
    name: 'grpc-go 1.85.0',
    canWait: true,
    toolchain: ['go', 'version'],
    install: async (cwd) => {
      cpSync(join(sources, 'go'), cwd, { recursive: true });
      await run('go', ['mod', 'tidy'], { cwd });
      await run('go', ['build', '-o', 'client', '.'], { cwd });
      return [join(cwd, 'client')];
    },
  },
  {
    name: 'grpc-java 1.85.0',
    canWait: true,
    toolchain: ['mvn', '--version'],
    install: async (cwd) => {
      cpSync(join(sources, 'java'), cwd, { recursive: true });
      await run('mvn', ['-q', 'dependency:copy-dependencies', '-DoutputDirectory=lib'], { cwd });
      await run('javac', ['-cp', 'lib/*', '-d', '.', 'Client.java'], { cwd });
      return ['java', '-cp', 'lib/*:.', 'Client'];
    },
  },
  {
    name: 'tonic 0.14.9',
    canWait: false,
    toolchain: ['cargo', '--version'],
    install: async (cwd) => {
      cpSync(join(sources, 'rust'), cwd, { recursive: true });
      await run('cargo', ['build', '--quiet'], { cwd });
      return [join(cwd, 'target/debug/client')];
    },
  },
  {
    name: 'connect-go 1.21.1',
    canWait: false,
    toolchain: ['go', 'version'],
    install: async (cwd) => {
      cpSync(join(sources, 'connect'), cwd, { recursive: true });
      await run('go', ['mod', 'tidy'], { cwd });
      await run('go', ['build', '-o', 'client', '.'], { cwd });
      return [join(cwd, 'client')];
    },
  },
];

/**
 * Those whose toolchain is missing are named on stderr and left out.
 * @param wanted names without versions; none for all.
 */
export async function installClients(
  below: string,
  wanted: readonly string[],
): Promise<readonly InstalledClient[]> {
  const clients: InstalledClient[] = [];
  for (const { name, canWait, toolchain, install } of installations) {
    if (wanted.length > 0 && !wanted.includes(name.split(' ')[0]!)) continue;
    const [program, ...args] = toolchain;
    const isThere = await run(program, args).then(
      () => true,
      () => false,
    );
    if (!isThere) {
      console.error(`Cannot show ${name} because ${program} is not installed`);
      continue;
    }
    console.error(`Installing ${name}`);
    const folder = join(below, name.replace(' ', '-'));
    mkdirSync(folder);
    clients.push({ name, canWait, folder, command: await install(folder) });
  }
  return clients;
}
