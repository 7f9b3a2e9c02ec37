/** What `npm run docs` writes: the files on disk are up to date, and text that an author wrote stays. */
import t from 'tap';
import { findOutdated, pictures } from '../../tools/docs/documents.js';
import { fillMarked } from '../../tools/docs/marked.js';
import { internalLinks } from './markdown.js';
import { documents } from './documents.js';

t.test('generated tables and pictures are up to date; `npm run docs` writes them', async (t) => {
  const outdated = await findOutdated();
  t.same(
    outdated.map(({ path }) => path),
    [],
  );
});

const generators = {
  options: (words: readonly string[]) => `options of ${words.join(' and ')}`,
  metrics: (words: readonly string[]) => `${words.length} metrics`,
  mutants: () => 'mutants',
};

t.test('marked text is replaced, and all other text stays', async (t) => {
  const before = `# Title
<!-- options: a, b -->
old

<!-- end -->
between
<!-- metrics -->
<!-- end -->
<!-- a comment -->
after
`;
  const after = `# Title
<!-- options: a, b -->
options of a and b
<!-- end -->
between
<!-- metrics -->
0 metrics
<!-- end -->
<!-- a comment -->
after
`;
  t.equal(await fillMarked(before, generators), after);
  t.equal(await fillMarked(after, generators), after, 'a second time changes nothing');
});

t.test('a marker without an end is an error, so that no text is lost', async (t) => {
  const open = '<!-- options: a -->\ntext\n<!-- metrics -->\n<!-- end -->\n';
  await t.rejects(fillMarked(open, generators), {
    message: 'There is no end of <!-- options: a -->',
  });
  await t.rejects(fillMarked('<!-- metrics -->\n', generators), {
    message: 'There is no end of <!-- metrics -->',
  });
});

t.test('every picture has colours for light and dark, and is shown on a page', async (t) => {
  const shown = documents.flatMap(({ text }) => internalLinks(text)).join('\n');
  for (const [path, draw] of Object.entries(pictures)) {
    t.match(draw(), /@media \(prefers-color-scheme:dark\)/, path);
    t.match(draw(), /<title>[^<]+<\/title>/, `${path} says what it shows`);
    t.ok(shown.includes(path.replace('docs/', '')), `${path} is on a page`);
  }
});
