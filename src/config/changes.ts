/** What a reload changes: what `GET /config` shows, and also secrets and the contents of files, by their names only. */
import { isDeepStrictEqual } from 'node:util';
import { findChanges, type ConfigChanges } from '../core/reload.js';
import type { Config, UpstreamConfig } from './config.js';

type Named = readonly [path: string, value: unknown];

export function compareConfigs(before: Config, after: Config): ConfigChanges {
  const { added, removed, changed } = findChanges(before.document, after.document);
  const shown = [...added, ...removed, ...changed];
  const isShown = (path: string) =>
    shown.some((each) => `${each}.`.startsWith(`${path}.`) || path.startsWith(`${each}.`));
  const old = new Map(hiddenOf(before));
  const hidden = hiddenOf(after)
    .filter(([path, value]) => old.has(path) && !isDeepStrictEqual(old.get(path), value))
    .map(([path]) => path)
    .filter((path) => !isShown(path));
  return { added, removed, changed: [...changed, ...hidden] };
}

/** Values that `document` does not have as they are. */
function hiddenOf({ admin, stores, tracing, upstreams, document }: Config): Named[] {
  const headers = Object.entries(tracing?.headers ?? {});
  const urls = Object.hasOwn(document['stores'] as object, 'urls') ? 'urls' : 'url';
  const redis: Named[] =
    stores.kind === 'redis'
      ? [
          [`stores.${urls}`, stores.urls],
          ['stores.password', stores.password],
        ]
      : [];
  return [
    ['admin.token', admin.token],
    ...redis,
    ['tracing.endpoint', tracing?.url],
    ...headers.map(([name, value]): Named => [`tracing.headers.${name}`, value]),
    ...upstreams.flatMap(hiddenOfUpstream),
  ];
}

/** Contents of the files that it names. */
function hiddenOfUpstream({ name, tls, policies, routes }: UpstreamConfig): Named[] {
  const of = (section: string, options: object): Named[] =>
    Object.entries(options).map(([key, value]) => [`upstreams.${name}.${section}${key}`, value]);
  return [
    ...of('tls.', tls ?? {}),
    ...of('', policies),
    [`upstreams.${name}.routes`, routes.map((route) => route.policies)],
  ];
}
