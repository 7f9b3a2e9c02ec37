/** All documents: their examples load, their links lead somewhere, and a reader can find each page. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, posix } from 'node:path';
import t from 'tap';
import { formatDiagnostics } from '../../src/config/syntax/diagnostics.js';
import { loadConfig } from '../../src/config/load.js';
import { root } from '../../tools/docs/documents.js';
import { documentAt, documents } from './documents.js';
import { anchors, codeBlocks, internalLinks } from './markdown.js';

t.test('every configuration loads', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'breakwater-docs-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  let loaded = 0;
  for (const { path, text } of documents) {
    for (const block of codeBlocks(text).filter(({ language }) => language === 'yaml')) {
      const place = `${path}:${block.line}`;
      t.match(block.text, /^upstreams:/m, `${place} is a whole file`);
      const file = join(folder, `${loaded++}.yaml`);
      writeFileSync(file, block.text);
      const { config, diagnostics } = loadConfig(file, { ADMIN_TOKEN: 'secret' });
      t.equal(formatDiagnostics(diagnostics), '', `${place} has no diagnostics`);
      t.ok(config, `${place} loads`);
    }
  }
  t.ok(loaded > 10, 'there are configurations');
});

t.test('links within the project lead somewhere', async (t) => {
  for (const { path, text } of documents) {
    for (const link of internalLinks(text)) {
      const [file = '', anchor] = link.split('#');
      const target = file === '' ? path : join(dirname(path), file);
      t.ok(existsSync(join(root, target)), `${path}: ${link} exists`);
      if (anchor === undefined) continue;
      const headings = anchors(readFileSync(join(root, target), 'utf8'));
      t.ok(headings.has(anchor), `${path}: ${link} is a heading`);
    }
  }
});

/** The documents that a reader finds by links, from that one on. */
function reachableFrom(start: string): Set<string> {
  const found = new Set([start]);
  for (const path of found) {
    for (const link of internalLinks(documentAt(path).text)) {
      const target = posix.join(posix.dirname(path), link.split('#')[0]!);
      if (documents.some((document) => document.path === target)) found.add(target);
    }
  }
  return found;
}

t.test('a reader of the README finds every page', async (t) => {
  const found = reachableFrom('README.md');
  const hidden = documents.filter(({ path }) => path.startsWith('docs/') && !found.has(path));
  t.same(
    hidden.map(({ path }) => path),
    [],
  );
  t.ok(found.size > 20, 'there are pages');
});

t.test('the README leads to every page of general interest by itself', async (t) => {
  const links = internalLinks(documentAt('README.md').text);
  const pages = documents.filter(({ path }) => /^docs\/(policies\/)?[\w-]+\.md$/.test(path));
  for (const { path } of pages) t.ok(links.includes(path), `README.md links ${path}`);
});

t.test('the README is short', async (t) => {
  t.ok(documentAt('README.md').text.split('\n').length <= 251, 'at most 250 lines');
});

t.test('the commands to type exist', async (t) => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const scripts = new Set(Object.keys(manifest.scripts));
  for (const { path, text } of documents) {
    for (const [command, name] of text.matchAll(/\bnpm run ([\w:-]+)/g)) {
      t.ok(scripts.has(name!), `${path}: ${command}`);
    }
    for (const [command, name] of text.matchAll(/\bnpm (start|test)\b/g)) {
      t.ok(scripts.has(name!), `${path}: ${command}`);
    }
  }
});
