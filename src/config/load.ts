/** Loads a configuration file: returns a checked Config, or all errors at once. */
import { readFileSync } from 'node:fs';
import { assemble, type Assembled, type EffectiveUpstream } from './resolve/assemble.js';
import type { Config } from './config.js';
import { Findings, type Diagnostic } from './syntax/diagnostics.js';
import { checkEndpointKeys } from './resolve/endpoints.js';
import { readReferences } from './resolve/references.js';
import type { Environment } from './syntax/interpolate.js';
import type { PolicyList } from '../core/policy.js';
import { policies as builtIn } from '../policies/index.js';
import { parseSource, UNSET_RULE } from './syntax/parse.js';
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
  /** What the file holds, with positions. */
  readonly root?: Assembled['root'];
  /** By position. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Whole-file problems. */
const START = { line: 1, column: 1 };

const readFailures: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EISDIR: 'this is a directory, not a file',
  EACCES: 'this user may not read it',
  ELOOP: 'its symbolic links go round in a circle',
  ERR_ENCODING_INVALID_ENCODED_DATA: 'it is not UTF-8 text',
};

/** The end of a sentence about what cannot be read. */
export function describeReadFailure(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return readFailures[code] ?? message;
}

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
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(read());
  } catch (error) {
    const findings = new Findings(file);
    const message = `cannot read the file: ${describeReadFailure(error)}`;
    findings.error('unreadable-file', START, [], message);
    return { diagnostics: findings.list() };
  }
  return then(text);
}

/**
 * As `loadConfig`, of a text that is at hand.
 * @param file its name, for messages and for the files it names.
 * @param allowsUnset variables may be missing: what needs them is not checked.
 */
export function loadText(
  text: string,
  file: string,
  env: Environment,
  policies: PolicyList = builtIn,
  allowsUnset = false,
): Loaded {
  const findings = new Findings(file);
  const root = parseSource(text, env, findings, allowsUnset);
  if (root === undefined) return { diagnostics: findings.list() };
  validate(root, findings, policies);
  const parts = readUpstreams(root, findings, policies);
  checkStores(root, findings);
  checkTracing(root, findings);
  checkEndpointKeys(root, findings);
  const files = readReferences(root, findings, policies);
  const diagnostics = findings.list();
  if (findings.hasErrors) return { diagnostics };
  const isKnown = diagnostics.every(({ rule }) => rule !== UNSET_RULE);
  const assembled = isKnown
    ? assemble(file, text, root, parts, policies, files, env)
    : assembleStandIns(file, text, root, policies, env);
  return { ...assembled, diagnostics };
}

/** Replaces unknown values by stand-ins, so that the rest can be linted; empty if the result is not valid. */
function assembleStandIns(
  file: string,
  text: string,
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
  return findings.hasErrors ? {} : assemble(file, text, root, parts, policies, files, env);
}
