/** Who may import whom: arrows between the rings point downwards only, and every third party has its owners. */
import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { plain, sections, tableRows } from './markdown.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const read = (file: string) => readFileSync(join(root, file), 'utf8');

/** From the outermost to the innermost. Those of one ring do not know each other. */
const rings: readonly (readonly string[])[] = [
  ['main'],
  ['program'],
  ['cli'],
  ['policy-tests'],
  ['simulation', 'importing', 'inject'],
  ['app'],
  ['config', 'inbound', 'admin', 'telemetry', 'stores', 'platform'],
  ['upstream'],
  ['outbound', 'policies'],
  ['classify'],
  ['core'],
  ['http'],
  ['lib'],
];

/** What belongs to no ring: who may import it, and what it may import. */
const outside: Readonly<Record<string, { usedBy: readonly string[]; uses: readonly string[] }>> = {
  // A constant.
  version: { usedBy: ['program', 'cli', 'app'], uses: [] },
};

/** Rings of the pure language: no sockets, files or processes. */
const pure = new Set(['policies', 'classify', 'core', 'http', 'lib']);

interface SourceFile {
  /** `src/core/call.ts` */
  readonly path: string;
  /** The directory in src, or the file's own name at the top. */
  readonly part: string;
  readonly text: string;
  readonly imports: readonly string[];
}

const IMPORT = /(?:^|;)\s*(?:import|export)\s(?:[^'"`;]*?\sfrom\s*)?['"]([^'"]+)['"]/gm;
const CALLED_IMPORT = /\b(?:import|require)\(\s*['"]([^'"]+)['"]/g;

function importsOf(text: string): string[] {
  return [IMPORT, CALLED_IMPORT].flatMap((pattern) =>
    [...text.matchAll(pattern)].map((match) => match[1]!),
  );
}

const partOf = (path: string) => path.split('/')[1]!.replace(/\.ts$/, '');

const files: readonly SourceFile[] = readdirSync(join(root, 'src'), { recursive: true })
  .map((name) => `src/${String(name).replaceAll('\\', '/')}`)
  .filter((path) => path.endsWith('.ts'))
  .map((path) => {
    const text = read(path);
    return { path, part: partOf(path), text, imports: importsOf(text) };
  });

const isRelative = (specifier: string) => specifier.startsWith('.');
const resolve = ({ path }: SourceFile, specifier: string) =>
  posix.join(dirname(path), specifier).replace(/\.js$/, '.ts');

/** `ajv` of `ajv/dist/2020.js`, `@scope/name` of `@scope/name/x`. */
const packageOf = (specifier: string) => /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier;

const ringOf = (part: string) => rings.findIndex((ring) => ring.includes(part));

/** Undefined where the import is allowed. */
function findFault(from: string, to: string): string | undefined {
  if (from === to) return undefined;
  const exempt = outside[from];
  if (exempt !== undefined) return exempt.uses.includes(to) ? undefined : `${from} uses no ${to}`;
  const user = outside[to];
  if (user !== undefined)
    return user.usedBy.includes(from) ? undefined : `${to} is not for ${from}`;
  if (ringOf(from) === ringOf(to)) return `${from} and ${to} are siblings`;
  return ringOf(from) < ringOf(to) ? undefined : `${from} is below ${to}`;
}

t.test('the reader of imports finds every form', async (t) => {
  const text = `/** Doc. */
import a, { type B } from 'a';
import type { C } from "./c.js";
import {
  d,
  type E,
} from './d.js';
import './effect.js';
export { f } from './f.js';
export * from './g.js';
export type { H } from './h.js';
const i = await import('i');
const j = require('j');
export const text = 'no import';
`;
  t.same(
    importsOf(text).toSorted(),
    ['a', './c.js', './d.js', './effect.js', './f.js', './g.js', './h.js', 'i', 'j'].toSorted(),
  );
});

t.test('every part of src has a place', async (t) => {
  t.ok(files.length > 20);
  for (const part of new Set(files.map((file) => file.part))) {
    t.ok(ringOf(part) !== -1 || part in outside, `${part} is in a ring`);
  }
});

t.test('arrows point downwards only', async (t) => {
  for (const file of files) {
    for (const specifier of file.imports.filter(isRelative)) {
      const target = resolve(file, specifier);
      // `version` reads package.json.
      if (!target.startsWith('src/')) {
        t.equal(file.part, 'version', `${file.path} stays within src (${specifier})`);
        continue;
      }
      const fault = findFault(file.part, partOf(target));
      t.equal(fault, undefined, `${file.path} may import ${specifier}`);
    }
  }
});

/** The files of a circle, in its order; undefined where there is none. */
function findCircle(edges: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const walk = (path: string, way: readonly string[]): string[] | undefined => {
    const start = way.indexOf(path);
    if (start !== -1) return [...way.slice(start), path];
    if (done.has(path)) return undefined;
    for (const next of edges.get(path) ?? []) {
      const circle = walk(next, [...way, path]);
      if (circle !== undefined) return circle;
    }
    done.add(path);
    return undefined;
  };
  for (const path of edges.keys()) {
    const circle = walk(path, []);
    if (circle !== undefined) return circle;
  }
  return undefined;
}

t.test('a circle is found', async (t) => {
  const edges = new Map([
    ['a', ['b', 'c']],
    ['b', []],
    ['c', ['d']],
    ['d', ['b', 'c']],
  ]);
  t.same(findCircle(edges), ['c', 'd', 'c']);
  t.equal(findCircle(new Map([...edges, ['d', ['b']]])), undefined);
});

t.test('no files import each other in a circle, not even for types', async (t) => {
  const edges = new Map(
    files.map((file) => [
      file.path,
      file.imports.filter(isRelative).map((specifier) => resolve(file, specifier)),
    ]),
  );
  t.equal(findCircle(edges)?.join(' -> '), undefined);
});

t.test('the pure language needs nothing of Node', async (t) => {
  for (const { path, part, imports } of files) {
    if (!pure.has(part)) continue;
    t.same(
      imports.filter((specifier) => isBuiltin(specifier)),
      [],
      `${path} imports no built-in`,
    );
  }
});

/**
 * What may use Node's own HTTP: one protocol towards clients, the status texts that HTTP/2 has not, the admin endpoints,
 * a reader of those, and the way to a collector of spans.
 */
const usesNodeHttp = [
  'src/inbound/http1/',
  'src/outbound/status-text.ts',
  'src/admin/',
  'src/cli/top/',
  'src/telemetry/trace/',
];

t.test('what is not about HTTP/1 knows nothing of it', async (t) => {
  for (const { path, imports } of files) {
    const isOwner = usesNodeHttp.some((place) => path.startsWith(place));
    const isInboundCore = posix.dirname(path) === 'src/inbound';
    const refused = imports.filter(
      (each) =>
        (each === 'node:http' && !isOwner) ||
        (isInboundCore && (each === 'node:net' || each.startsWith('./http1/'))),
    );
    t.same(refused, [], path);
  }
  for (const folder of usesNodeHttp) {
    const users = files.filter(({ path, imports }) => {
      return path.startsWith(folder) && imports.includes('node:http');
    });
    t.not(users.length, 0, `${folder} uses it`);
  }
});

t.test('built-ins are named as such', async (t) => {
  for (const { path, imports } of files) {
    const unmarked = imports.filter((each) => isBuiltin(each) && !each.startsWith('node:'));
    t.same(unmarked, [], `${path} writes node:`);
  }
});

/** The table in the guide is the rule: package -> the files or directories that may import it. */
function owners(title: string): Map<string, readonly string[]> {
  const section = sections(read('.github/CONTRIBUTING.md')).find((each) => each.title === title);
  const rows = tableRows(section?.lines ?? [], 'Package');
  return new Map(
    rows.map((row) => [
      plain(row['Package']!),
      [...(row['Owner'] ?? '').matchAll(/`([^`]+)`/g)].map((match) => match[1]!),
    ]),
  );
}

const owns = (owner: string, path: string) =>
  owner.endsWith('/') ? path.startsWith(owner) : path === owner;

const manifest = JSON.parse(read('package.json')) as Record<
  'dependencies' | 'devDependencies',
  Record<string, string>
>;

/** A tool that src imports, but of which nothing is left in what runs. */
const typesOnly: readonly (readonly [name: string, owner: string])[] = [
  ['@sinclair/typebox', 'src/core/json-schema.ts'],
];

t.test('what users do not install gives types only', async (t) => {
  for (const [name, owner] of typesOnly) {
    t.ok(name in manifest.devDependencies, `${name} is a tool`);
    const { text } = files.find(({ path }) => path === owner)!;
    const imports = [...text.matchAll(IMPORT)].filter(([, specifier]) => specifier === name);
    t.not(imports.length, 0, `${owner} imports ${name}`);
    for (const [statement] of imports) t.match(statement, /^(import|export) type /m);
  }
});

t.test('every third party is used by its owners, and by no other file', async (t) => {
  const table = owners('Dependencies');
  t.same([...table.keys()].toSorted(), Object.keys(manifest.dependencies).toSorted());
  for (const [name, owner] of typesOnly) table.set(name, [owner]);
  const used = new Map<string, Set<string>>();
  for (const { path, imports } of files) {
    for (const specifier of imports) {
      if (isRelative(specifier) || isBuiltin(specifier)) continue;
      const name = packageOf(specifier);
      used.set(name, (used.get(name) ?? new Set()).add(path));
      const isOwned = table.get(name)?.some((owner) => owns(owner, path));
      t.ok(isOwned, `${path} may import ${name}`);
    }
  }
  for (const [name, paths] of table) {
    for (const owner of paths) {
      const isUsed = [...(used.get(name) ?? [])].some((path) => owns(owner, path));
      t.ok(isUsed, `${owner} imports ${name}`);
    }
  }
});

t.test('the tools are listed, too', async (t) => {
  const table = owners('Tools');
  t.same([...table.keys()].toSorted(), Object.keys(manifest.devDependencies).toSorted());
});

t.test('every file opens with what it is for', async (t) => {
  for (const { path, text } of files) {
    t.match(text.replace(/^#!.*\n/, ''), /^\/\*\*/, path);
  }
});
