/** A configuration file with all that is wrong with it, or else with what the lint has to say; the proxy itself needs no lint. */
import type { Environment } from './syntax/interpolate.js';
import { lint } from './lint/lint.js';
import { loadText, readThen, type Loaded } from './load.js';

/** As `loadConfig`; where there is no mistake, the diagnostics are what the lint has to say. */
export function checkConfig(file: string, env: Environment): Loaded {
  return readThen(file, (text) => checkText(text, file, env));
}

/** As `checkConfig`, of a text that is at hand. */
export function checkText(text: string, file: string, env: Environment): Loaded {
  const loaded = loadText(text, file, env);
  const { config, effective, root } = loaded;
  if (config === undefined || effective === undefined || root === undefined) return loaded;
  return { ...loaded, diagnostics: lint({ text, root, config, effective }) };
}
