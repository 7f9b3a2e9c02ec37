/** What a release says of itself, and what keeps one from being made. */
import t from 'tap';
import { checkTag, releaseNotes } from '../../tools/release/notes.js';

const changelog = `# Changelog

## Unreleased

## 1.10.0

### Added

- \`mode\`: see [shadow](docs/shadow-mode.md#how) and [RFC 9110](https://www.rfc-editor.org/rfc/rfc9110), [below](#x).

## 1.1.0

- Old.

## 1.0.0
`;
const base = 'https://example.com/breakwater/blob/v1.10.0/';

t.test('the notes are the chapter of that version, with links that work elsewhere', async (t) => {
  t.equal(
    releaseNotes(changelog, '1.10.0', base),
    `### Added

- \`mode\`: see [shadow](${base}docs/shadow-mode.md#how) and [RFC 9110](https://www.rfc-editor.org/rfc/rfc9110), [below](#x).
`,
  );
  t.equal(releaseNotes(changelog, '1.1.0', base), '- Old.\n');
});

t.test('a version of which nothing is told is not released', async (t) => {
  t.throws(() => releaseNotes(changelog, '1.2.0', base), {
    message: 'Cannot write the notes because CHANGELOG.md has no chapter "## 1.2.0"',
  });
  t.throws(() => releaseNotes(changelog, '1.0.0', base), {
    message: 'Cannot write the notes because the chapter "## 1.0.0" of CHANGELOG.md is empty',
  });
});

t.test('the tag has the version of package.json', async (t) => {
  t.doesNotThrow(() => checkTag('v1.10.0', '1.10.0'));
  for (const tag of ['1.10.0', 'v1.10', 'v1.10.0-rc.1', '']) {
    t.throws(() => checkTag(tag, '1.10.0'), {
      message: `Cannot release ${tag} because package.json has version 1.10.0, whose tag is v1.10.0`,
    });
  }
});
