/** Which test files reach a module, and over how many imports. */
import { posix } from 'node:path';
import { parse } from 'acorn';
import { full } from 'acorn-walk';

/** Paths of modules from the root of the project, such as `dist/src/core/call.js`, to the modules that each imports. */
export type Imports = ReadonlyMap<string, readonly string[]>;

/** The project's own modules that a module imports, those that it loads only when needed included. */
export function importsOf(path: string, source: string): string[] {
  const found: string[] = [];
  full(parse(source, { ecmaVersion: 'latest', sourceType: 'module' }), (node) => {
    switch (node.type) {
      case 'ImportDeclaration':
      case 'ExportAllDeclaration':
      case 'ExportNamedDeclaration':
      case 'ImportExpression':
        if (node.source?.type === 'Literal' && typeof node.source.value === 'string') {
          found.push(node.source.value);
        }
    }
  });
  return found
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => posix.join(posix.dirname(path), specifier));
}

/** How many imports lead from each module to that one. Modules that do not reach it are left out. */
export function distancesTo(target: string, imports: Imports): Map<string, number> {
  const importers = new Map<string, string[]>();
  for (const [path, imported] of imports) {
    for (const other of imported) importers.set(other, [...(importers.get(other) ?? []), path]);
  }
  const distances = new Map([[target, 0]]);
  for (const [path, distance] of distances) {
    for (const importer of importers.get(path) ?? []) {
      if (!distances.has(importer)) distances.set(importer, distance + 1);
    }
  }
  return distances;
}
