/** Reads a header whose fields may be several. */

/** Header or trailer fields as on the wire: name, value, name, value, ... in order and case, decoded as Latin-1. */
export type Fields = readonly string[];

/** All fields of that name, as one value (RFC 9110, section 5.3); undefined where there is none, or nothing in it. */
export function headerValue(headers: Fields, lowerName: string): string | undefined {
  let values: string | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]!.length !== lowerName.length || headers[i]!.toLowerCase() !== lowerName)
      continue;
    values = values === undefined ? headers[i + 1]! : `${values}, ${headers[i + 1]!}`;
  }
  return values === '' ? undefined : values;
}
