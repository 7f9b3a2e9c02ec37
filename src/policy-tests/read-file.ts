/** A file with policy tests: text in, cases or diagnostics out. */
import { dirname, resolve } from 'node:path';
import { loadConfig, loadText, type Loaded } from '../config/load.js';
import type { Config } from '../config/config.js';
import { Findings, type Diagnostic } from '../config/syntax/diagnostics.js';
import { parseDocuments } from '../config/syntax/documents.js';
import type { Environment } from '../config/syntax/interpolate.js';
import { locator } from '../config/syntax/manifest.js';
import { itemsOf, textOf, valueOf, type SourceNode } from '../config/syntax/source.js';
import { validateAgainst } from '../config/schema/validate.js';
import { readCase } from './read-case.js';
import { testCaseSchema, testFileSchema } from './schema.js';
import type { TestCase } from './test-case.js';

/** A case that cannot be played, because it or its configuration has errors. */
export interface BrokenCase {
  readonly name: string;
  readonly problems: readonly Diagnostic[];
}

export interface TestFile {
  readonly cases: readonly (TestCase | BrokenCase)[];
  /** All errors: of the file, of its cases and of their configurations. */
  readonly diagnostics: readonly Diagnostic[];
}

const isError = ({ level }: Diagnostic) => level === 'error';

/** Without errors, or undefined and the errors. */
interface LoadedConfig {
  readonly config?: Config;
  readonly problems: readonly Diagnostic[];
}

/** Configurations of one test file, each loaded once. */
class Configs {
  readonly #file: string;
  readonly #lines: readonly string[];
  readonly #env: Environment;
  readonly #known = new Map<string, LoadedConfig>();

  constructor(file: string, text: string, env: Environment) {
    this.#file = file;
    this.#lines = text.split('\n');
    this.#env = env;
  }

  load(node: SourceNode): LoadedConfig {
    const text = textOf(node)!;
    let loaded = this.#known.get(text);
    if (loaded === undefined) this.#known.set(text, (loaded = this.#open(node, text)));
    return loaded;
  }

  #open(node: SourceNode, text: string): LoadedConfig {
    const isText = text.includes('\n');
    const loaded: Loaded = isText
      ? loadText(text, this.#file, this.#env)
      : loadConfig(resolve(dirname(this.#file), text), this.#env);
    const { line } = node.position;
    const isBlock = /[|][-+\d]*\s*(?:#.*)?$/.test(this.#lines[line - 1] ?? '');
    const locate = isBlock ? locator(text, node.position, this.#lines) : () => node.position;
    const errors = loaded.diagnostics.filter(isError);
    // A file that is not there is a mistake in this one.
    const problems = errors.map((each) =>
      each.rule === 'unreadable-file'
        ? {
            ...each,
            ...node.position,
            file: this.#file,
            path: 'config',
            message: `${each.file}: ${each.message}`,
          }
        : each,
    );
    return {
      problems: isText ? problems.map((each) => ({ ...each, ...locate(each) })) : problems,
      ...(loaded.config === undefined ? {} : { config: loaded.config }),
    };
  }
}

/** @param file for messages, and for the files that it names. */
export function readTests(file: string, text: string, env: Environment): TestFile {
  const findings = new Findings(file);
  const [root, second] = parseDocuments(text, findings);
  if (second !== undefined) {
    findings.error(
      'syntax',
      second.position,
      [],
      'a second document starts here; the file must hold one',
    );
  }
  if (root === undefined && !findings.hasErrors) {
    const message = 'the file is empty; it needs at least `cases`';
    findings.error('syntax', { line: 1, column: 1 }, [], message);
  }
  if (root === undefined || findings.hasErrors) return { cases: [], diagnostics: findings.list() };
  validateAgainst(testFileSchema, root, findings);
  if (findings.list().some(({ path }) => !/^cases\[\d/.test(path))) {
    return { cases: [], diagnostics: findings.list() };
  }
  const configs = new Configs(file, text, env);
  const cases = itemsOf(valueOf(root, 'cases')).map((node, i) => {
    const problems = findings.hasErrors ? mistakesIn(file, node, i) : [];
    return problems.length > 0
      ? { name: nameOf(node, i), problems }
      : openCase(file, root, node, i, configs);
  });
  const problems = cases.flatMap((each) => ('problems' in each ? each.problems : []));
  return {
    cases,
    diagnostics: [...new Map(problems.map((each) => [placeOf(each), each])).values()],
  };
}

/** Cases that share an anchor share its mistakes. */
const placeOf = ({ file, line, column, message }: Diagnostic) =>
  `${file}:${line}:${column}:${message}`;

/** What the schema has against one case. */
function mistakesIn(file: string, node: SourceNode, i: number): readonly Diagnostic[] {
  const findings = new Findings(file);
  validateAgainst(testCaseSchema, node, findings);
  return findings.list().map((each) => ({
    ...each,
    path: each.path === '' ? `cases[${i}]` : `cases[${i}].${each.path}`,
  }));
}

/** Of a case whose name may be missing, or be no text. */
function nameOf(node: SourceNode, i: number): string {
  const name = textOf(valueOf(node, 'name'));
  return name === undefined || name === '' ? `cases[${i}]` : name;
}

function openCase(
  file: string,
  root: SourceNode,
  node: SourceNode,
  i: number,
  configs: Configs,
): TestCase | BrokenCase {
  const name = textOf(valueOf(node, 'name')) ?? '';
  const findings = new Findings(file);
  const written = valueOf(node, 'config') ?? valueOf(root, 'config');
  if (written === undefined) {
    const message =
      'the key `config` is missing, here or above `cases`: a file, or its text after `|`';
    findings.error('missing-key', node.position, ['cases', i], message);
    return { name, problems: findings.list() };
  }
  const { config, problems } = configs.load(written);
  if (config === undefined) return { name, problems };
  const read = readCase(node, config, ['cases', i], findings);
  return read === undefined || findings.hasErrors ? { name, problems: findings.list() } : read;
}
