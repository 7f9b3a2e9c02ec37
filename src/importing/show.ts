/** Values of foreign files in comments: on one line, short, and without secrets. */
import type { SourceMap, SourceNode } from '../config/syntax/source.js';
import { hideUser } from '../config/syntax/hide-user.js';

/** Text in comments is cut to this many characters, so that scripts and certificates do not fill the file. */
const MOST_TEXT = 60;

const HIDDEN = '***';

/** Keys whose values are not repeated in comments. Text and code that are written in place may hold anything. */
const SECRET_KEY =
  /passw(?:or)?d|passphrase|secret|credential|token$|^bearer$|(?:api|access|account|private|shared|encryption|signing)[-_]?key|inline[-_]?(?:string|bytes|code)/i;

/** Names of header fields and the like whose values are not repeated. */
const SECRET_NAME =
  /auth|cookie|token|secret|passw|passphrase|credential|key|signature|connection-?string/i;

/** Keys of values that stand beside a name. */
const VALUE_KEY = /^(?:raw[-_]?)?value$|match$|^(?:append|exact|prefix|suffix|contains|regex)$/i;

/** Whether the value of this key is secret. @param siblings all keys that stand beside it. */
export function isSecret(key: string, siblings: SourceMap['entries']): boolean {
  if (SECRET_KEY.test(key)) return true;
  if (!VALUE_KEY.test(key)) return false;
  const name = siblings.get('name')?.value ?? siblings.get('key')?.value;
  return name?.kind === 'scalar' && SECRET_NAME.test(String(name.value));
}

/** @param isHidden it is part of a secret. */
export function show(node: SourceNode, isHidden = false): string {
  if (isHidden) return HIDDEN;
  if (node.kind === 'list') return `[${node.items.map((item) => show(item)).join(', ')}]`;
  if (node.kind === 'map') {
    const parts = [...node.entries].map(
      ([key, { value }]) => `${key}: ${show(value, isSecret(key, node.entries))}`,
    );
    return parts.length === 0 ? '{}' : `{ ${parts.join(', ')} }`;
  }
  if (node.kind === 'broken') return '?';
  const text = hideUser(String(node.value).replaceAll(/\s+/g, ' '));
  return text.length > MOST_TEXT ? `${text.slice(0, MOST_TEXT)}...` : text;
}
