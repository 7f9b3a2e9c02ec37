/** Compares what is read without the YAML parser with what the parser makes of the same text. */
import assert from 'node:assert/strict';
import { Findings } from '../../src/config/syntax/diagnostics.js';
import type { Environment } from '../../src/config/syntax/interpolate.js';
import { parseAny } from '../../src/config/syntax/parse.js';
import { readSimple } from '../../src/config/syntax/simple-yaml.js';
import { YamlText } from '../../src/config/syntax/yaml-text.js';

/** @throws where they differ, positions included. @returns whether the text is read without the parser. */
export function isReadAlike(text: string, env: Environment, file?: string): boolean {
  const yamlText = new YamlText(text, file);
  const read = readSimple(yamlText.source, env, file);
  if (read === undefined) return false;
  const findings = new Findings('x.yaml');
  const parsed = parseAny(yamlText, env, findings, false, file);
  assert.deepEqual(findings.list(), [], JSON.stringify(text));
  assert.deepEqual(read, parsed, JSON.stringify(text));
  return true;
}
