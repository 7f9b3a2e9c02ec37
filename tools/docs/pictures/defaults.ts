/** Default values of options, for the pictures. */
import { policySchemas } from '../../../src/policies/index.js';

interface Schema {
  readonly default?: string | number | boolean;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly anyOf?: readonly Schema[];
}

/** @returns the default of an option, as it is written in the file. */
export function defaultOf(policy: keyof typeof policySchemas, option: string): string {
  const schema = policySchemas[policy] as Schema;
  const branches = [schema, ...(schema.anyOf ?? [])];
  const options = branches.find(({ properties }) => properties !== undefined)?.properties;
  const value = options?.[option]?.default;
  if (value === undefined) throw new Error(`${policy}.${option} has no default`);
  return String(value);
}
