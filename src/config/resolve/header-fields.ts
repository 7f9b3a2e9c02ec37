/** Header fields that a configuration writes: whether they can be sent. */
import type { Findings, Path } from '../syntax/diagnostics.js';
import { entriesOf, textOf, type SourceNode } from '../syntax/source.js';

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Visible characters of Latin-1, spaces and tabs: no line break can end the field and begin another. */
const HEADER_VALUE = /^[\t\u0020-\u007e\u0080-\u00ff]*$/;

/** Follow from the body and the connection. */
const ownHeaders = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'transfer-encoding',
  'trailer',
  'upgrade',
]);

export const isHeaderName = (text: string): boolean => HEADER_NAME.test(text);
export const isHeaderValue = (text: string): boolean => HEADER_VALUE.test(text);

/** @param lowerName of a header that Breakwater sets itself. */
export const isOwnHeader = (lowerName: string, alsoOwn: ReadonlySet<string>): boolean =>
  ownHeaders.has(lowerName) || alsoOwn.has(lowerName);

/** @param alsoOwn names in lower case that follow from what is sent there. */
export function checkHeaders(
  headers: SourceNode,
  path: Path,
  findings: Findings,
  alsoOwn: ReadonlySet<string> = new Set(),
): void {
  const lines = new Map<string, number>();
  for (const [name, { key, value }] of entriesOf(headers)) {
    const lower = name.toLowerCase();
    const line = lines.get(lower);
    let problem: string | undefined;
    if (!isHeaderName(name)) problem = 'is not the name of a header';
    else if (isOwnHeader(lower, alsoOwn)) problem = 'is set by Breakwater itself';
    else if (line !== undefined) {
      problem = `is written twice, first in line ${line}; header names are not case-sensitive`;
    }
    lines.set(lower, line ?? key.line);
    if (problem !== undefined) findings.error('header', key, [...path, name], problem);
    const text = textOf(value);
    if (text !== undefined && !isHeaderValue(text)) {
      const message = 'must be one line of Latin-1 text, without control characters';
      findings.error('header', value.position, [...path, name], message);
    }
  }
}
