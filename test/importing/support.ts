/** Imports texts, and checks that the result is a valid Breakwater file. */
import type { Test } from 'tap';
import { parse } from 'yaml';
import { checkText } from '../../src/config/check.js';
import { importFiles, type SystemName } from '../../src/importing/index.js';

type Plain = Readonly<Record<string, unknown>>;

export interface Result {
  readonly text: string;
  /** Without comments. */
  readonly file: Plain;
  readonly upstreams: Readonly<Record<string, Plain>>;
  /** All comments as one text without line breaks. */
  readonly comments: string;
}

const commentsOf = (text: string) =>
  text
    .split('\n')
    .flatMap((line) => /(?:^|\s)#\s(.*)$/.exec(line)?.[1] ?? [])
    .join(' ');

/** @param hasFile whether files are there that the source names. */
export function importText(
  t: Test,
  system: SystemName,
  text: string,
  { name = 'source.yaml', hasFile = () => false }: { name?: string; hasFile?: () => boolean } = {},
): Result {
  const imported = importFiles(system, [{ name, text }], { hasFile });
  t.same(imported.diagnostics, [], 'everything could be read');
  return readResult(t, imported.text ?? '');
}

export function readResult(t: Test, text: string): Result {
  const { diagnostics } = checkText(text, 'breakwater.yaml', {});
  t.same(
    diagnostics.filter(({ level }) => level === 'error'),
    [],
    'the result passes check',
  );
  const file = parse(text) as Plain;
  const upstreams = file['upstreams'] as Result['upstreams'];
  return { text, file, upstreams, comments: commentsOf(text) };
}
