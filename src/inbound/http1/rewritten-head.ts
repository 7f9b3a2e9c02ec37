/** The head of a request written anew, so that Node parses as a plain request what it would give away, or refuse. */
import type { IncomingMessage } from 'node:http';
import { fieldLines, type Fields } from '../../http/fields.js';

/** The fields that ask for an upgrade, with the options in `Connection` that name them. */
const ofUpgrade = new Set(['upgrade', 'http2-settings']);

/** All but what asks for an upgrade. */
export function withoutUpgrade(fields: Fields): string[] {
  const kept: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!;
    const lower = name.toLowerCase();
    if (ofUpgrade.has(lower)) continue;
    const value = fields[i + 1]!;
    if (lower !== 'connection') {
      kept.push(name, value);
      continue;
    }
    const options = value.split(',').map((option) => option.trim());
    const rest = options.filter((option) => !ofUpgrade.has(option.toLowerCase()));
    if (rest.length > 0) kept.push(name, rest.join(', '));
  }
  return kept;
}

/** The head of `request` without what asks for an upgrade. */
export function plainHead({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  const requestLine = `${method} ${url} HTTP/${httpVersion}\r\n`;
  return Buffer.from(`${requestLine}${fieldLines(withoutUpgrade(rawHeaders))}\r\n`, 'latin1');
}
