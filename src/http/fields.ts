/** Header and trailer fields as a flat list: the one place that walks such lists. Names to look for are in lower case. */

/** Header or trailer fields as on the wire: name, value, name, value, ... in order and case, decoded as Latin-1. */
export type Fields = readonly string[];

/** The bit in which an ASCII letter differs from its other case. */
const ASCII_CASE = 0x20;

/** The length and the first letter tell nearly all names apart without a copy in lower case. */
export function isNamed(name: string, lowerName: string): boolean {
  if (name.length !== lowerName.length) return false;
  const first = name.charCodeAt(0);
  const wanted = lowerName.charCodeAt(0);
  if (first !== wanted && (first | ASCII_CASE) !== wanted) return false;
  return name === lowerName || name.toLowerCase() === lowerName;
}

/** The value of the first field of that name. */
export function firstValue(fields: Fields, lowerName: string): string | undefined {
  for (let i = 0; i < fields.length; i += 2) {
    if (isNamed(fields[i]!, lowerName)) return fields[i + 1];
  }
  return undefined;
}

/** All fields of that name, as one value (RFC 9110, section 5.3); undefined where there is none, or nothing in it. */
export function combinedValue(fields: Fields, lowerName: string): string | undefined {
  let values: string | undefined;
  for (let i = 0; i < fields.length; i += 2) {
    if (!isNamed(fields[i]!, lowerName)) continue;
    values = values === undefined ? fields[i + 1]! : `${values}, ${fields[i + 1]!}`;
  }
  return values === '' ? undefined : values;
}

/** The values of all fields of that name, in order. */
export function allValues(fields: Fields, lowerName: string): string[] {
  const values: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    if (isNamed(fields[i]!, lowerName)) values.push(fields[i + 1]!);
  }
  return values;
}

/** Members of a list field, in lower case, without their arguments. */
export function listMembers(fields: Fields, lowerName: string): string[] {
  return allValues(fields, lowerName)
    .flatMap((value) => value.split(','))
    .map((member) => member.split('=', 1)[0]!.trim().toLowerCase())
    .filter((member) => member !== '');
}

/** How many fields have that name. */
export function countFields(fields: Fields, lowerName: string): number {
  let count = 0;
  for (let i = 0; i < fields.length; i += 2) if (isNamed(fields[i]!, lowerName)) count += 1;
  return count;
}

/** Whether a field has that name. */
export const hasField = (fields: Fields, lowerName: string): boolean =>
  firstValue(fields, lowerName) !== undefined;

/** The fields whose names `keeps` accepts, in a list of their own. */
export function filterFields(fields: Fields, keeps: (lowerName: string) => boolean): string[] {
  const kept: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!;
    if (keeps(name.toLowerCase())) kept.push(name, fields[i + 1]!);
  }
  return kept;
}

/** As they go over the wire: one line for each field, with its end. */
export function fieldLines(fields: Fields): string {
  let lines = '';
  for (let i = 0; i < fields.length; i += 2) lines += `${fields[i]}: ${fields[i + 1]}\r\n`;
  return lines;
}

/** As Node takes trailers. */
export function fieldPairs(fields: Fields): [name: string, value: string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i < fields.length; i += 2) pairs.push([fields[i]!, fields[i + 1]!]);
  return pairs;
}
