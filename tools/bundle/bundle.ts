/** Makes the program that users install: a few files in place of a thousand modules, which each start would find, read and link. */
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { plugins } from './plugins.js';

/** What is started by the name of its file: the program, its process for names, and its thread for the lint. */
const programs = ['main.js', 'outbound/names/lookup-child.js', 'cli/file-check-thread.js'];

/** What only some features need, or nothing of ours. It stays in node_modules, and is loaded from there. */
const external = [
  '@fastify/ajv-compiler',
  '@fastify/fast-json-stringify-compiler',
  '@opentelemetry/otlp-transformer',
  '@opentelemetry/semantic-conventions',
  '@redis/client',
  'light-my-request',
];

/** CommonJS modules in the bundle ask for `require`. */
const banner = `import { createRequire as createBundleRequire } from 'node:module';
const require = createBundleRequire(import.meta.url);`;

/** The live page stays as it is, without its source maps: the browser asks for each file. */
function copyPage(from: string, to: string): void {
  cpSync(from, to, { recursive: true, filter: (path) => !path.endsWith('.map') });
  for (const name of readdirSync(to).filter((each) => each.endsWith('.js'))) {
    const script = readFileSync(join(to, name), 'utf8');
    writeFileSync(join(to, name), script.replace(/^\/\/# sourceMappingURL=.*\n?/m, ''));
  }
}

/**
 * All files of the bundle are in one folder, so that `new URL('./name.js', import.meta.url)` finds the programs from each. It is as
 * deep below package.json as `compiled` is. Lines and names stay as they are, for stack traces: without them, a start takes as long.
 * @param compiled the folder of what the compiler has made of src.
 * @param target the folder of the bundle. What was in it is removed.
 */
export async function bundle(compiled: string, target: string): Promise<void> {
  rmSync(target, { recursive: true, force: true });
  await build({
    entryPoints: programs.map((path) => join(compiled, path)),
    entryNames: '[name]',
    outdir: target,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.18',
    // node_modules has the licences.
    legalComments: 'none',
    external,
    plugins,
    banner: { js: banner },
    logLevel: 'warning',
  });
  copyPage(join(compiled, 'admin/page'), join(target, 'page'));
}
