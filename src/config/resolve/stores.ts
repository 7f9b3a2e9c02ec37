/** What the schema cannot say of `stores`: that the keys fit the kind, and that the URL is one of a Redis server. */
import type { Findings, Path } from '../syntax/diagnostics.js';
import { entriesOf, textOf, valueOf, type SourceNode } from '../syntax/source.js';

export type StoreConfig =
  | { readonly kind: 'memory'; readonly maxBytes: number; readonly maxRecordBytes: number }
  | { readonly kind: 'redis'; readonly url: string; readonly timeout: number };

export type StoreKind = StoreConfig['kind'];

/** Keys that only one kind has. */
const owners: Readonly<Record<string, StoreKind>> = {
  maxBytes: 'memory',
  maxRecordBytes: 'memory',
  url: 'redis',
  timeout: 'redis',
};

const URL_FORM = 'redis://host:port or rediss://user:password@host:port/database';

/** Not echoed: it may hold a password. */
function urlProblem(text: string): string | undefined {
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
  return search === '' && hash === '' ? undefined : 'must have neither `?` nor `#`';
}

/** Checks the section; what is wrong is in `findings`. */
export function checkStores(root: SourceNode, findings: Findings): void {
  const node = valueOf(root, 'stores');
  if (node?.kind !== 'map') return;
  const path: Path = ['stores'];
  const kind = textOf(valueOf(node, 'kind')) ?? 'memory';
  // The schema has it already.
  if (kind !== 'memory' && kind !== 'redis') return;
  for (const [key, { key: position }] of entriesOf(node)) {
    const owner = owners[key];
    if (owner === undefined || owner === kind) continue;
    const isDefault = valueOf(node, 'kind') === undefined;
    const message = `is for \`kind: ${owner}\` only, but the kind is ${kind}${isDefault ? ', by default' : ''}`;
    findings.error('stores', position, [...path, key], message);
  }
  if (kind !== 'redis') return;
  const timeout = valueOf(node, 'timeout');
  if (timeout !== undefined && /^[0.]+[a-z]+$/.test(textOf(timeout) ?? '')) {
    const message = 'must be longer than 0: no server responds at once';
    findings.error('stores', timeout.position, [...path, 'timeout'], message);
  }
  const url = valueOf(node, 'url');
  if (url === undefined) {
    const message = `the key \`url\` is missing: kind redis needs ${URL_FORM}`;
    findings.error('missing-key', node.position, path, message);
    return;
  }
  const text = textOf(url);
  const problem = text === undefined ? undefined : urlProblem(text);
  if (problem !== undefined) findings.error('stores', url.position, [...path, 'url'], problem);
}

/** The section, decoded. */
export interface StoreSection {
  readonly kind: StoreKind;
  readonly maxBytes: number;
  readonly maxRecordBytes: number;
  readonly timeout: number;
  readonly url?: string;
}

/** From the decoded section, whose keys fit. */
export function storeConfigOf(section: StoreSection): StoreConfig {
  const { kind, maxBytes, maxRecordBytes, url, timeout } = section;
  return kind === 'memory' ? { kind, maxBytes, maxRecordBytes } : { kind, url: url!, timeout };
}

/** As it may be shown: without a password, and without what is of the other kind. */
export function storeDocument(section: Readonly<Record<string, unknown>>): object {
  const { kind, maxBytes, maxRecordBytes, url, timeout } = section;
  if (kind !== 'redis') return { kind, maxBytes, maxRecordBytes };
  const shown = new URL(String(url));
  if (shown.password !== '') shown.password = '***';
  return { kind, url: shown.href, timeout };
}
