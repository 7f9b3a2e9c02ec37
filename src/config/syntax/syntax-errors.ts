/** What the parser has against a text, in a few words and without echoes. */
import type { YAMLError } from 'yaml';
import type { Findings, Position } from './diagnostics.js';

/** Mistakes after which the parser goes on correctly. After any other, further errors are mostly consequences of it. */
const LOCAL_MISTAKES: ReadonlySet<string> = new Set([
  'TAB_AS_INDENT',
  'TAG_RESOLVE_FAILED',
  'NON_STRING_KEY',
  'BAD_DQ_ESCAPE',
]);

export function reportSyntax(
  problems: readonly YAMLError[],
  source: string,
  positionAt: (offset: number) => Position,
  findings: Findings,
): void {
  for (const { pos, code, message } of problems.toSorted((a, b) => a.pos[0] - b.pos[0])) {
    let text = message;
    if (source.slice(pos[0] - 1, pos[0] + 1) === '${') {
      text = '${...} between braces or brackets needs quotes: "${NAME}"';
    } else if (code === 'MULTIPLE_DOCS') {
      text = 'a second document starts here; the file must hold one';
    }
    findings.error('syntax', positionAt(pos[0]), [], text);
    if (!LOCAL_MISTAKES.has(code)) return;
  }
}
