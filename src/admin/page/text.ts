/** What "Copy as" puts on the clipboard. It touches no document. */
import type { Row } from '../../core/live.js';
import { describeFaults, formatMs, formatRate, formatShare } from './format.js';
import { words } from './model.js';

/** In single quotes for a POSIX shell. */
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

export interface Order {
  readonly method: 'PUT' | 'POST';
  /** With names percent-encoded. */
  readonly path: string;
  readonly body: object;
}

/** The token is not in it: commands end up in histories. */
export function asCurl(origin: string, { method, path, body }: Order, needsToken: boolean): string {
  const token = needsToken ? ' -H "Authorization: Bearer $ADMIN_TOKEN"' : '';
  return `curl -X ${method}${token} -H 'Content-Type: application/json' -d ${quoted(JSON.stringify(body))} ${quoted(origin + path)}`;
}

/** For a chat or an incident's log. */
export function asText(row: Row, at: string): string {
  const { trouble, latencyMs, bulkhead } = row;
  const lines = [
    `${row.name}: ${words[trouble.state].word}${trouble.since === null ? '' : ` since ${trouble.since}`} (as of ${at})`,
    trouble.why,
    describeFaults(row, at),
    trouble.weight > 0 ? `Callers: ${trouble.callersGet}` : '',
    trouble.endsWhen === ''
      ? ''
      : `Ends when: ${trouble.until === null ? '' : `${trouble.until}: `}${trouble.endsWhen}`,
    `${formatRate(row.callsPerSecond)} calls/s, ${formatShare(row.goodShare)} good, ${formatShare(row.degradedShare)} fallback`,
    latencyMs === null
      ? ''
      : `attempts p50 ${formatMs(latencyMs.p50)}, p95 ${formatMs(latencyMs.p95)}, p99 ${formatMs(latencyMs.p99)}`,
    bulkhead === null
      ? ''
      : `slots ${bulkhead.active}/${bulkhead.limit}, ${bulkhead.queued} waiting`,
    row.lastError === null
      ? ''
      : `last upstream error ${row.lastError.at}: ${row.lastError.message}`,
  ];
  return lines.filter(Boolean).join('\n');
}

export function asPromQl(queries: Readonly<Record<string, string>>): string {
  return Object.entries(queries)
    .map(([name, query]) => `# ${name}\n${query}`)
    .join('\n');
}
