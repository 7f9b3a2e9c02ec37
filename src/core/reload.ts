/** The result of reading the configuration again. */

/** Paths in the file's notation, e.g. `upstreams.catalog.retry.maxAttempts`. */
export interface ConfigChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

export type ReloadOutcome =
  /** The new configuration is in force. */
  | { readonly kind: 'success'; readonly changes: ConfigChanges }
  /** The file is wrong; nothing was changed. */
  | { readonly kind: 'invalid'; readonly diagnostics: readonly object[] }
  /** A listener cannot be opened; nothing was changed. */
  | { readonly kind: 'unbindable'; readonly message: string };

type Tree = Readonly<Record<string, unknown>>;

const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Compares two configurations in the file's notation, key by key; lists are compared as a whole. */
export function findChanges(before: Tree, after: Tree): ConfigChanges {
  const changes = { added: [] as string[], removed: [] as string[], changed: [] as string[] };
  collect(before, after, '', changes);
  return changes;
}

function collect(
  before: Tree,
  after: Tree,
  prefix: string,
  changes: { added: string[]; removed: string[]; changed: string[] },
): void {
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const path = prefix + key;
    const [old, now] = [before[key], after[key]];
    if (!Object.hasOwn(after, key)) changes.removed.push(path);
    else if (!Object.hasOwn(before, key)) changes.added.push(path);
    else if (isTree(old) && isTree(now)) collect(old, now, `${path}.`, changes);
    else if (JSON.stringify(old) !== JSON.stringify(now)) changes.changed.push(path);
  }
}
