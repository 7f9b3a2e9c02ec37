/** Loads a configuration file: returns a checked Config, or all errors at once. */
import { readFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { assemble, type Assembled } from './resolve/assemble.js';
import type { EffectiveUpstream } from './resolve/lay-policies.js';
import type { Config } from './config.js';
import { Findings, type Diagnostic } from './syntax/diagnostics.js';
import { disk, joinIncluded, type FileAccess, type SourceText } from './syntax/include.js';
import { checkEndpointKeys } from './resolve/endpoints.js';
import { rebaseFileNames } from './resolve/rebase.js';
import { readReferences } from './resolve/references.js';
import type { Environment } from './syntax/interpolate.js';
import type { PolicyList } from '../core/policy.js';
import { policies as builtIn } from '../policies/index.js';
import { parseSource, UNSET_RULE } from './syntax/parse.js';
import { readText } from './syntax/read-text.js';
import type { SourceNode } from './syntax/source.js';
import { standIn } from './resolve/stand-in.js';
import { checkStores } from './resolve/stores.js';
import { checkTracing } from './resolve/tracing.js';
import { readUpstreams } from './resolve/upstreams.js';
import { validate } from './schema/validate.js';

export interface Loaded {
  /** Undefined when there is an error among the diagnostics. */
  readonly config?: Config;
  /** The policies before decoding, with where each value is from. */
  readonly effective?: readonly EffectiveUpstream[];
  /** What the file and those that it includes hold, with positions. */
  readonly root?: Assembled['root'];
  /** Of the file, and of those that it includes; undefined if the file itself cannot be read. */
  readonly texts?: readonly SourceText[];
  /** The paths and patterns that it includes, as seen from the working directory. */
  readonly includes?: readonly string[];
  /** By position. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Whole-file problems. */
const START = { line: 1, column: 1 };

/** Reads, checks and decodes. Never throws. @param policies whose keys it may have. */
export function loadConfig(file: string, env: Environment, policies: PolicyList = builtIn): Loaded {
  return readThen(file, (text) => loadText(text, file, env, policies));
}

/** Hands on the text of a file, or tells why it cannot be read. */
export function readThen(file: string, then: (text: string) => Loaded): Loaded {
  return decodeThen(file, () => readFileSync(file), then);
}

/** As `readThen`, of bytes from elsewhere. @param file a name for messages. */
export function decodeThen(
  file: string,
  read: () => Uint8Array,
  then: (text: string) => Loaded,
): Loaded {
  const decoded = readText(read);
  if ('text' in decoded) return then(decoded.text);
  const findings = new Findings(file);
  findings.error('unreadable-file', START, [], `cannot read the file: ${decoded.problem}`);
  return { diagnostics: findings.list() };
}

export interface LoadOptions {
  /** Variables may be missing: what needs them is not checked. */
  readonly allowsUnset?: boolean;
  /** Where included files are, if not on the disk. */
  readonly files?: FileAccess;
}

/**
 * As `loadConfig`, of a text that is at hand.
 * @param file its name, for messages and for the files it names.
 */
export function loadText(
  text: string,
  file: string,
  env: Environment,
  policies: PolicyList = builtIn,
  { allowsUnset = false, files: access = disk }: LoadOptions = {},
): Loaded {
  const findings = new Findings(file);
  const given = parseSource(text, env, findings, allowsUnset);
  if (given === undefined) return { diagnostics: findings.list() };
  const { root, texts, patterns } = joinIncluded(given, text, {
    findings,
    files: access,
    parse(text, name) {
      const part = parseSource(text, env, findings, allowsUnset, name);
      const folder = relative(dirname(file), dirname(name));
      if (part !== undefined) rebaseFileNames(part, folder, policies);
      return part;
    },
  });
  const read = { texts, includes: patterns };
  validate(root, findings, policies);
  const parts = readUpstreams(root, findings, policies);
  checkStores(root, findings);
  checkTracing(root, findings);
  checkEndpointKeys(root, findings);
  const files = readReferences(root, findings, policies);
  const diagnostics = findings.list();
  if (findings.hasErrors) return { ...read, diagnostics };
  const contents = texts.map((source) => source.text);
  const isKnown = diagnostics.every(({ rule }) => rule !== UNSET_RULE);
  const assembled = isKnown
    ? assemble(file, contents, root, parts, policies, files, env)
    : assembleStandIns(file, contents, root, policies, env);
  return { ...read, ...assembled, diagnostics };
}

/** Replaces unknown values by stand-ins, so that the rest can be linted; empty if the result is not valid. */
function assembleStandIns(
  file: string,
  texts: readonly string[],
  unset: SourceNode,
  policies: PolicyList,
  env: Environment,
): Partial<Assembled> {
  const findings = new Findings(file);
  const root = standIn(unset);
  const parts = readUpstreams(root, findings, policies);
  checkStores(root, findings);
  checkEndpointKeys(root, findings);
  const files = readReferences(root, findings, policies);
  return findings.hasErrors ? {} : assemble(file, texts, root, parts, policies, files, env);
}
