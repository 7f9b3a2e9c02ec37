/** Reads a header whose fields may be several. */
import type { RawHeaders } from '../core/reply.js';

/** All fields of that name, as one value (RFC 9110, section 5.3); undefined where there is none, or nothing in it. */
export function headerValue(headers: RawHeaders, lowerName: string): string | undefined {
  let values: string | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]!.length !== lowerName.length || headers[i]!.toLowerCase() !== lowerName)
      continue;
    values = values === undefined ? headers[i + 1]! : `${values}, ${headers[i + 1]!}`;
  }
  return values === '' ? undefined : values;
}
