/** Checks a configuration file: its errors, or, if there are none, the findings of the lint. The proxy itself does not lint. */
import type { Environment } from './syntax/interpolate.js';
import { policies } from '../policies/index.js';
import { sortDiagnostics } from './syntax/diagnostics.js';
import { lint } from './lint/lint.js';
import { loadText, readThen, type LoadOptions, type Loaded } from './load.js';

/** Like `loadConfig`, but without errors the diagnostics are the findings of the lint. */
export function checkConfig(file: string, env: Environment): Loaded {
  return readThen(file, (text) => checkText(text, file, env));
}

/** As `checkConfig`, of a text that is at hand. */
export function checkText(
  text: string,
  file: string,
  env: Environment,
  options?: LoadOptions,
): Loaded {
  const loaded = loadText(text, file, env, policies, options);
  const { config, effective, root, texts } = loaded;
  if (!config || !effective || !root || !texts) return loaded;
  const found = lint({ texts, root, config, effective });
  return { ...loaded, diagnostics: sortDiagnostics([...loaded.diagnostics, ...found], file) };
}
