/**
 * A hook of Node's loader: the modules that a test file imports are loaded anew for each mutant. A test file is imported with `?` and
 * a number, and all modules of the project that it imports get the same number. Packages are loaded once.
 */
import type { ResolveHook } from 'node:module';

export const resolve: ResolveHook = async (specifier, context, nextResolve) => {
  const resolved = await nextResolve(specifier, context);
  const query = /\?\d+$/.exec(context.parentURL ?? '')?.[0];
  const isOwn = resolved.url.startsWith('file:') && !resolved.url.includes('/node_modules/');
  return query !== undefined && isOwn ? { ...resolved, url: resolved.url + query } : resolved;
};
