/** Checks of `stores` beyond the schema: the keys must fit the kind and the mode, and the URLs must be those of Redis servers. */
import { isMisspelt, type Findings, type Path } from '../syntax/diagnostics.js';
import { entriesOf, entryOf, itemsOf, textOf, valueOf, type SourceNode } from '../syntax/source.js';

export type RedisMode = 'single' | 'sentinel' | 'cluster';

export interface RedisConfig {
  readonly kind: 'redis';
  readonly mode: RedisMode;
  /** At least one; exactly one in mode `single`. */
  readonly urls: readonly string[];
  /** In mode `sentinel`: what the sentinels call the primary. */
  readonly master: string | undefined;
  readonly keyPrefix: string;
  /** Of the servers, where they differ from those in the URLs. */
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly timeout: number;
}

export type StoreConfig =
  | { readonly kind: 'memory'; readonly maxBytes: number; readonly maxRecordBytes: number }
  | RedisConfig;

export type StoreKind = StoreConfig['kind'];

/** Keys that only one kind has. */
const owners: Readonly<Record<string, StoreKind>> = {
  maxBytes: 'memory',
  maxRecordBytes: 'memory',
  url: 'redis',
  urls: 'redis',
  mode: 'redis',
  master: 'redis',
  keyPrefix: 'redis',
  username: 'redis',
  password: 'redis',
  timeout: 'redis',
};

const URL_FORM = 'redis://host:port or rediss://user:password@host:port/database';

/** Not echoed: it may hold a password. */
function urlProblem(text: string, mode: RedisMode): string | undefined {
  if (!URL.canParse(text)) {
    return `must be a URL: ${URL_FORM}; special characters of a password are percent-encoded`;
  }
  const { protocol, hostname, pathname, search, hash } = new URL(text);
  if (protocol !== 'redis:' && protocol !== 'rediss:') {
    return `must begin with redis:// or rediss:// (TLS), but begins with ${protocol}//`;
  }
  if (hostname === '') return `must name a host: ${URL_FORM}`;
  if (!/^\/?\d*$/.test(pathname))
    return 'must have the number of a database for a path, such as /0';
  if (mode === 'cluster' && !/^\/?0?$/.test(pathname)) {
    return 'must be without a database: a cluster has only database 0';
  }
  return search === '' && hash === '' ? undefined : 'must have neither `?` nor `#`';
}

/** Checks the section; what is wrong is in `findings`. */
export function checkStores(root: SourceNode, findings: Findings): void {
  const node = valueOf(root, 'stores');
  if (node?.kind !== 'map') return;
  const kind = textOf(valueOf(node, 'kind')) ?? 'memory';
  // The schema has it already.
  if (kind !== 'memory' && kind !== 'redis') return;
  for (const [key, { key: position }] of entriesOf(node)) {
    const owner = owners[key];
    if (owner === undefined || owner === kind) continue;
    const isDefault = valueOf(node, 'kind') === undefined;
    const message = `is for \`kind: ${owner}\` only, but the kind is ${kind}${isDefault ? ', by default' : ''}`;
    findings.error('stores', position, ['stores', key], message);
  }
  if (kind === 'redis') checkRedis(node, findings);
}

function checkRedis(node: SourceNode, findings: Findings): void {
  const timeout = valueOf(node, 'timeout');
  if (timeout !== undefined && /^[0.]+[a-z]+$/.test(textOf(timeout) ?? '')) {
    const message = 'must be longer than 0: no server responds at once';
    findings.error('stores', timeout.position, ['stores', 'timeout'], message);
  }
  const mode = textOf(valueOf(node, 'mode')) ?? 'single';
  // The schema has it already.
  if (mode !== 'single' && mode !== 'sentinel' && mode !== 'cluster') return;
  checkMode(node, mode, findings);
  checkUrls(node, mode, findings);
  const prefix = valueOf(node, 'keyPrefix');
  if (/[{}]/.test(textOf(prefix) ?? '')) {
    const message =
      'must be without { and }: in a cluster they decide where a key lies, and all keys would lie on one server';
    findings.error('stores', prefix!.position, ['stores', 'keyPrefix'], message);
  }
}

function checkMode(node: SourceNode, mode: RedisMode, findings: Findings): void {
  const master = entryOf(node, 'master');
  if (mode === 'sentinel' && master === undefined) {
    if (isMisspelt('master', [...entriesOf(node).keys()], Object.keys(owners))) return;
    const message =
      'the key `master` is missing: mode sentinel needs the name that the sentinels have for the primary, such as mymaster';
    findings.error('missing-key', node.position, ['stores'], message);
  } else if (mode !== 'sentinel' && master !== undefined) {
    const message = `is for \`mode: sentinel\` only, but the mode is ${mode}`;
    findings.error('stores', master.key, ['stores', 'master'], message);
  }
  const [username, password] = [entryOf(node, 'username'), entryOf(node, 'password')];
  if (username !== undefined && password === undefined) {
    const message = 'goes together with `password`, which is missing';
    findings.error('stores', username.key, ['stores', 'username'], message);
  }
}

interface WrittenUrl {
  readonly node: SourceNode;
  readonly path: Path;
}

function checkUrls(node: SourceNode, mode: RedisMode, findings: Findings): void {
  const [one, many] = [entryOf(node, 'url'), entryOf(node, 'urls')];
  if (one === undefined && many === undefined) {
    if (isMisspelt('urls', [...entriesOf(node).keys()], Object.keys(owners))) return;
    const message = `the key \`${mode === 'single' ? 'url' : 'urls'}\` is missing: kind redis needs ${URL_FORM}`;
    findings.error('missing-key', node.position, ['stores'], message);
    return;
  }
  if (one !== undefined && many !== undefined) {
    const message = `cannot stand beside \`url\` (line ${one.key.line}); write all URLs in \`urls\`, or keep only \`url\``;
    findings.error('stores', many.key, ['stores', 'urls'], message);
  }
  const urls: WrittenUrl[] = itemsOf(many?.value).map((item, i) => ({
    node: item,
    path: ['stores', 'urls', i],
  }));
  if (one !== undefined) urls.unshift({ node: one.value, path: ['stores', 'url'] });
  if (many !== undefined && one === undefined && mode === 'single' && urls.length > 1) {
    const message = `mode single takes exactly one URL, but here are ${urls.length}; write \`mode: sentinel\` where these are sentinels, or \`mode: cluster\` where they are nodes of a cluster`;
    findings.error('stores', many.key, ['stores', 'urls'], message);
  }
  const read = urls.flatMap(({ node: item, path }) => {
    const text = textOf(item);
    if (text === undefined) return [];
    const problem = urlProblem(text, mode);
    if (problem === undefined) return [{ url: new URL(text), node: item, path }];
    findings.error('stores', item.position, path, problem);
    return [];
  });
  findMixedUrls(read, findings);
}

/** What holds for all servers is written in each URL, so it must be the same in each. */
function findMixedUrls(
  [first, ...others]: readonly (WrittenUrl & { readonly url: URL })[],
  findings: Findings,
): void {
  if (first === undefined) return;
  const seen = new Set([first.url.host]);
  for (const { url, node, path } of others) {
    const differing = [
      url.protocol === first.url.protocol ? [] : ['scheme'],
      url.username === first.url.username && url.password === first.url.password
        ? []
        : ['user and password'],
      url.pathname.replace('/', '') === first.url.pathname.replace('/', '') ? [] : ['database'],
    ].flat();
    const line = findings.nameLine(first.node.position, node.position);
    if (differing.length > 0) {
      const message = `has another ${differing.join(', ')} than the first URL (${line}): the servers of one store have the same`;
      findings.error('stores', node.position, path, message);
    }
    if (seen.has(url.host)) {
      findings.error('stores', node.position, path, `${url.host} is in the list already`);
    }
    seen.add(url.host);
  }
}

/** The section, decoded. */
export interface StoreSection {
  readonly kind: StoreKind;
  readonly maxBytes: number;
  readonly maxRecordBytes: number;
  readonly timeout: number;
  readonly mode: RedisMode;
  readonly keyPrefix: string;
  readonly url?: string;
  readonly urls?: readonly string[];
  readonly master?: string;
  readonly username?: string;
  readonly password?: string;
}

/** From the decoded section, whose keys fit. */
export function storeConfigOf(section: StoreSection): StoreConfig {
  const { kind, maxBytes, maxRecordBytes } = section;
  if (kind === 'memory') return { kind, maxBytes, maxRecordBytes };
  const { url, urls, mode, master, keyPrefix, username, password, timeout } = section;
  return {
    kind,
    mode,
    urls: urls ?? [url!],
    master,
    keyPrefix,
    username,
    password,
    timeout,
  };
}

function redactUrl(url: unknown): string {
  const shown = new URL(String(url));
  if (shown.password !== '') shown.password = '***';
  return shown.href;
}

/** As it may be shown: without passwords, and without what is of the other kind. */
export function storeDocument(section: Readonly<Record<string, unknown>>): object {
  const { kind, maxBytes, maxRecordBytes, ...redis } = section;
  if (kind !== 'redis') return { kind, maxBytes, maxRecordBytes };
  const shown: Record<string, unknown> = { kind, ...redis };
  if (redis['url'] !== undefined) shown['url'] = redactUrl(redis['url']);
  if (Array.isArray(redis['urls'])) shown['urls'] = redis['urls'].map(redactUrl);
  if (redis['password'] !== undefined) shown['password'] = '***';
  return shown;
}
