/** No part of the program knows a policy by its name: what it needs to know stands in the policy's manifest. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { policies } from '../../src/policies/index.js';
import { root } from '../../tools/docs/documents.js';

const names = policies.map(({ name }) => name as string);

/** Words of the language as well: an attempt can end by one of them. */
const outcomes: ReadonlySet<string> = new Set(['deadline', 'timeout']);

/** Lint rules are about policies that they name, and imports write options of policies. */
const mayName = (path: string) =>
  path.startsWith('src/policies/') ||
  path.startsWith('src/config/lint/') ||
  /^src\/importing\/\w+\//.test(path);

const folderOf = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** What each form of knowing a policy looks like. */
function patternsFor(name: string): RegExp[] {
  const held = '(?:settings|policies|policySchemas|layers|PolicySettings)';
  const word = outcomes.has(name) ? `${name}\\.\\w+` : `${name}(?:\\.\\w+)?`;
  return [
    new RegExp(`policies/${folderOf(name)}/`),
    new RegExp(`\\b${held}\\??\\.${name}\\b`, 'i'),
    new RegExp(`\\{[^{}]*\\b${name}\\b[^{}]*\\}\\s*[:=]\\s*[\\w.#]*${held}\\b`, 'i'),
    // Not in comments, which may show an example.
    new RegExp(`^(?!\\s*(?:\\*|/[/*])).*['"\`]${word}['"\`]`, 'm'),
  ];
}

/** The policies that a text names. */
const namedIn = (text: string) =>
  names.filter((name) => patternsFor(name).some((pattern) => pattern.test(text)));

t.test('the reader finds each form of a name', async (t) => {
  for (const text of [
    "import { retry } from '../policies/retry/index.js';",
    'const { budget } = layers.retry;',
    'this.#layers.retry?.budget',
    'const { retry, other: o } = settings;',
    "if (route.writes.has('retry')) open();",
    "const culprit = scope.number('retry.maxAttempts');",
    'const { retry } = context.policies;',
  ]) {
    t.match(namedIn(text), ['retry'], text);
  }
  t.same(namedIn("import { circuit } from '../policies/circuit-breaker/circuit.js';"), [
    'circuitBreaker',
  ]);
  t.same(namedIn("place('timeout.attempt')"), ['timeout']);
  for (const text of [
    "const kind = 'timeout';",
    'const { deadline } = call;',
    "reason === 'deadline-expired'",
    'const fallback = upstreams.get(prefix);',
    '/** Paths such as `retry.budget`. */',
  ]) {
    t.same(namedIn(text), [], text);
  }
});

t.test('only policies and lint rules name policies', async (t) => {
  const paths = (readdirSync(join(root, 'src'), { recursive: true }) as string[])
    .map((path) => `src/${path.replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith('.ts') && !mayName(path));
  t.ok(paths.length > 80);
  for (const path of paths) {
    t.same(namedIn(readFileSync(join(root, path), 'utf8')), [], path);
  }
});

t.test('a policy imports from another one only what it declares to read', async (t) => {
  for (const policy of policies) {
    const folder = `src/policies/${folderOf(policy.name)}`;
    const reads: readonly string[] = 'reads' in policy ? policy.reads : [];
    for (const file of readdirSync(join(root, folder))) {
      const text = readFileSync(join(root, folder, file), 'utf8');
      const others = names.filter((name) => text.includes(`'../${folderOf(name)}/`));
      t.same(
        others.filter((name) => !reads.includes(name)),
        [],
        `${folder}/${file}`,
      );
    }
  }
});
