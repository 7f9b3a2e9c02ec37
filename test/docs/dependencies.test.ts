/** What package.json and package-lock.json promise: exact inner files, the versions of Node.js, and no hosts. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const read = (file: string) => readFileSync(join(root, file), 'utf8');

interface Package {
  readonly version?: string;
  readonly resolved?: string;
  readonly dev?: boolean;
  readonly engines?: { readonly node?: string };
}

const manifest = JSON.parse(read('package.json')) as {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly engines: { readonly node: string };
};
const lock = JSON.parse(read('package-lock.json')) as {
  readonly packages: Readonly<Record<string, Package>>;
};
const installed = Object.entries(lock.packages).filter(([path]) => path !== '');

/** The parser as WebAssembly. undici does not list this file in its API, so any version may move it. */
const PARSER = 'undici/lib/llhttp/llhttp_simd-wasm.js';

t.test(
  'the parser of HTTP is where we import it from, in the one version of undici we know',
  async (t) => {
    const wanted = manifest.dependencies['undici'] ?? '';
    t.match(wanted, /^\d+\.\d+\.\d+$/, 'package.json pins undici to one version');
    t.equal(lock.packages['node_modules/undici']?.version, wanted, 'package-lock.json has it');
    t.ok(
      existsSync(join(root, 'node_modules', PARSER)),
      `undici ${wanted} has the file ${PARSER}; if it has moved, change the import in llhttp.ts and PARSER in this test`,
    );
    const { default: program } = (await import(PARSER)) as { default: Buffer };
    t.equal(program.toString('latin1', 0, 4), '\0asm', `${PARSER} exports a WebAssembly program`);
  },
);

type Version = readonly [major: number, minor: number, patch: number];

const parse = (text: string): Version => {
  const [major = 0, minor = 0, patch = 0] = text.split('.').map(Number);
  return [major, minor, patch];
};

const isAtLeast = (version: Version, other: Version): boolean => {
  const at = version.findIndex((part, index) => part !== other[index]);
  return at === -1 || version[at]! > other[at]!;
};

/** For the ranges that packages write in `engines`: `>=20`, `^20.19.0 || >=22.12.0`, `20 || >=22`. */
function admits(range: string, text: string): boolean {
  const version = parse(text);
  return range.split('||').some((alternative) => {
    const [, operator, from] = /^\s*(>=|\^|~)?\s*v?([\d.]+)/.exec(alternative) ?? [];
    if (from === undefined) return alternative.trim() === '*';
    const lowest = parse(from);
    const isSameMajor = operator === '>=' || version[0] === lowest[0];
    return isSameMajor && isAtLeast(version, lowest);
  });
}

t.test('the reader of ranges knows their forms', async (t) => {
  t.ok(admits('>=20.18.1', '20.18.1'));
  t.ok(admits('^20.19.0 || >=22.12.0', '26.0.0'));
  t.ok(admits('18 || 20 || >=22', '20.18.1'));
  t.ok(admits('*', '20.18.1'));
  t.notOk(admits('>=22', '20.20.2'));
  t.notOk(admits('^20.19.0 || >=22.12.0', '20.18.1'));
  t.notOk(admits('^20.19.0 || >=22.12.0', '21.0.0'));
});

const oldest = manifest.engines.node.replace('>=', '');

/** Users install what the program needs, developers also the tools, which ask for later versions. */
for (const [who, versions, packages] of [
  ['users', [oldest, '22.12.0', '24.0.0', '26.0.0'], installed.filter(([, { dev }]) => !dev)],
  ['developers', ['20.19.0', '22.12.0', '24.0.0', '26.0.0'], installed],
] as const) {
  t.test(`npm prints no warning about the version of Node.js to ${who}`, async (t) => {
    for (const version of versions) {
      const refusing = packages.filter(([, { engines }]) => !admits(engines?.node ?? '*', version));
      t.same(
        refusing.map(([path, { engines }]) => `${path} needs ${engines?.node}`),
        [],
        `every package supports Node.js ${version}`,
      );
    }
  });
}
