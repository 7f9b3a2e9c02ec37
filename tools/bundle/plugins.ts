/** What the bundle has in place of some modules. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Plugin } from 'esbuild';
import { writeFileCheck } from './file-check.js';

const require = createRequire(import.meta.url);

/** Where few descriptors may be open, the modules are loaded in parts. The files of the bundle are few enough. */
const inOnePart: Plugin = {
  name: 'in one part',
  setup(build) {
    build.onLoad({ filter: /\/cli\/load-in-parts\.js$/ }, () => ({
      contents: 'export const loadInParts = async () => {};',
    }));
  },
};

/** The check of configuration files is compiled already. Its module imports the other one as `compile.js?now`. */
const checkOfFiles: Plugin = {
  name: 'check of files',
  setup(build) {
    build.onResolve({ filter: /\/compile\.js\?now$/ }, ({ resolveDir }) => ({
      path: join(resolveDir, 'compile.js'),
      suffix: '?now',
    }));
    build.onLoad({ filter: /\/config\/schema\/compile\.js$/ }, ({ suffix }) =>
      suffix === '' ? { contents: writeFileCheck() } : undefined,
    );
  },
};

/**
 * Modules that are loaded for what is not needed, or seldom: undici for the forwarding of @fastify/http-proxy, and Ajv for files
 * with policy tests. Each is loaded from node_modules when one of its exports is used.
 */
const onFirstUse: Plugin = {
  name: 'on first use',
  setup(build) {
    const namespace = 'on-first-use';
    build.onResolve({ filter: /^(undici|ajv\/dist\/2020\.js)$/ }, ({ path, namespace: from }) =>
      from === namespace ? { path, external: true } : { path, namespace },
    );
    build.onLoad({ filter: /./, namespace }, ({ path }) => {
      // esbuild reads the mark of compiled modules at once.
      const names = Object.keys(require(path) as object).filter((name) => name !== '__esModule');
      return {
        contents: `for (const name of ${JSON.stringify(names)})
  Object.defineProperty(exports, name, { get: () => require('${path}')[name] });`,
      };
    });
  },
};

/** A Buffer that a CommonJS module exports would be taken for an object with a key for each byte. */
const parser: Plugin = {
  name: 'parser',
  setup(build) {
    build.onLoad({ filter: /\/llhttp_simd-wasm\.js$/ }, ({ path }) => ({
      contents: require(path) as Buffer,
      loader: 'binary',
    }));
  },
};

export const plugins: Plugin[] = [inOnePart, checkOfFiles, onFirstUse, parser];
