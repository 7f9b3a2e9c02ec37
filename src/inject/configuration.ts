/** The configuration that the sidecars will have: a file that is given, or the ConfigMap in the same manifests. */
import { basename, dirname } from 'node:path';
import { isMap, isScalar, type Pair, type YAMLMap } from 'yaml';
import type { Config } from '../config/config.js';
import { loadText } from '../config/load.js';
import type { Diagnostic } from '../config/syntax/diagnostics.js';
import type { Environment } from '../config/syntax/interpolate.js';
import { readManifest } from '../config/syntax/manifest.js';
import { policies } from '../policies/index.js';
import { FILE } from './sidecar.js';
import { valueOf, type Manifest } from './workload.js';

export interface Configuration {
  /** Undefined where it has errors. */
  readonly config: Config | undefined;
  readonly errors: readonly Diagnostic[];
}

const isError = ({ level }: Diagnostic) => level === 'error';

/** Variables of the environment are set in the pod, not here. */
export function readConfiguration(text: string, file: string, env: Environment): Configuration {
  const loaded = loadText(text, file, env, policies, { allowsUnset: true });
  return { config: loaded.config, errors: loaded.diagnostics.filter(isError) };
}

/**
 * @param text of all manifests, and `file` its name.
 * @returns undefined where no ConfigMap of that name has the file.
 */
export function findConfiguration(
  manifests: readonly Manifest[],
  configMap: string,
  text: string,
  file: string,
  env: Environment,
): Configuration | undefined {
  const found = manifests.find(({ kind, name }) => kind === 'ConfigMap' && name === configMap);
  const data = found === undefined ? undefined : valueOf(found.map, 'data');
  if (!isMap(data)) return undefined;
  const files = new Map(
    ((data as YAMLMap).items as Pair[]).flatMap(({ key, value }) =>
      isScalar(key) && isScalar(value) ? [[String(key.value), String(value.value)] as const] : [],
    ),
  );
  const own = files.get(FILE);
  if (own === undefined) return undefined;
  const folder = dirname(file);
  const access = {
    list: () => [...files.keys()],
    read(path: string) {
      const part = dirname(path) === folder ? files.get(basename(path)) : undefined;
      if (part !== undefined) return Buffer.from(part);
      throw Object.assign(new Error(`the ConfigMap has no ${path}`), { code: 'ENOENT' });
    },
  };
  const options = { allowsUnset: true, files: access };
  const { config, diagnostics } = loadText(own, file, env, policies, options);
  const embedded = readManifest(text, file)?.configMaps.flat();
  const part = embedded?.find((each) => each.key === FILE && each.text === own);
  const locate = part?.locate ?? (() => ({ line: 1, column: 1 }));
  const errors = diagnostics.filter(isError).map((each) => ({
    ...each,
    ...(each.file === file ? locate({ line: each.line, column: each.column }) : {}),
  }));
  return { config, errors };
}
