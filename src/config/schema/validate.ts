/** Checks a source tree against the schema and tells every mistake once, where it is. */
import type { TSchema } from '../../core/options.js';
import { schemasOf } from '../../core/layers.js';
import type { PolicyList } from '../../core/policy.js';
import {
  describeChoice,
  describeSeen,
  describeUnknownKey,
  describeWrongValue,
  type SchemaView,
} from './describe.js';
import { isMisspelt, type Findings, type Path } from '../syntax/diagnostics.js';
import { compile, type ErrorObject, type ValidateFunction } from './compile.js';
import { connectionKeys } from './connection-keys.js';
import { fileSchemas } from './schema.js';
import {
  entriesOf,
  find,
  toPlain,
  type Place,
  type SourceEntry,
  type SourceNode,
  type SourceScalar,
} from '../syntax/source.js';
import { findHome, suggestValue, translateKey } from './translate.js';
import { LONGEST_DURATION_MS } from './units.js';

const compiled = new WeakMap<TSchema, ValidateFunction>();

function run(root: SourceNode, schema: TSchema): readonly ErrorObject[] {
  let check = compiled.get(schema);
  if (check === undefined) compiled.set(schema, (check = compile(schema)));
  check(toPlain(root));
  return check.errors ?? [];
}

/** Reports what the schema has against the file; values from the environment take the type that their place asks for. */
export function validate(root: SourceNode, findings: Findings, policies: PolicyList): void {
  validateAgainst(fileSchemas(policies).file, root, findings, policies);
}

/** As `validate`, of another kind of file. @param policies whose keys unknown keys may have been meant for. */
export function validateAgainst(
  schema: TSchema,
  root: SourceNode,
  findings: Findings,
  policies: PolicyList = [],
): void {
  let errors = run(root, schema);
  const retyped = retype(root, errors);
  if (retyped.length > 0) {
    errors = run(root, schema);
    // Wrong either way: show the value as it was.
    const stillWrong = retyped.filter((scalar) =>
      errors.some((error) => find(root, error.instancePath)?.node === scalar),
    );
    for (const scalar of stillWrong) swap(scalar);
  }
  report(root, errors, findings, policies);
}

function swap(scalar: SourceScalar): void {
  const { value } = scalar;
  scalar.value = scalar.alternative!;
  scalar.alternative = value;
}

function retype(root: SourceNode, errors: readonly ErrorObject[]): SourceScalar[] {
  const scalars = new Set<SourceScalar>();
  for (const { instancePath } of errors) {
    const node = find(root, instancePath)?.node;
    if (node?.kind === 'scalar' && node.alternative !== undefined) scalars.add(node);
  }
  for (const scalar of scalars) swap(scalar);
  return [...scalars];
}

function report(
  root: SourceNode,
  errors: readonly ErrorObject[],
  findings: Findings,
  policies: PolicyList,
): void {
  const wrongValues = new Map<string, { place: Place; error: ErrorObject }>();
  for (const error of errors) {
    const place = find(root, error.instancePath);
    if (place === undefined) continue;
    if (error.keyword === 'additionalProperties')
      reportUnknownKey(place, error, findings, policies);
    else if (error.keyword === 'required') reportMissingKey(place, error, findings);
    else if (error.propertyName !== undefined) reportName(place, error.propertyName, findings);
    else if (error.keyword !== 'propertyNames' && !isBranchNoise(place.node, error)) {
      const known = wrongValues.get(error.instancePath);
      // The branches of an `anyOf` fail too; it alone knows all that is allowed.
      const isWider = error.keyword === 'anyOf' || error.keyword === 'unit';
      if (known === undefined || isWider) wrongValues.set(error.instancePath, { place, error });
    }
  }
  for (const { place, error } of wrongValues.values()) reportWrongValue(place, error, findings);
}

/** A mapping where a mapping is allowed, or a list where a list is: what is wrong is inside, and has its own errors. */
function isBranchNoise(node: SourceNode, error: ErrorObject): boolean {
  const schema = error.parentSchema as SchemaView;
  if (node.kind !== 'map' && node.kind !== 'list') return false;
  // The `anyOf` has an error of its own where no branch is of the right type.
  if (error.keyword === 'type') return /\/anyOf\/\d+\/type$/.test(error.schemaPath);
  if (error.keyword === 'enum') return schema.type === undefined;
  const type = node.kind === 'map' ? 'object' : 'array';
  return error.keyword === 'anyOf' && schema.anyOf!.some((branch) => branch.type === type);
}

function reportWrongValue({ node, path }: Place, error: ErrorObject, findings: Findings): void {
  const schema = error.parentSchema as SchemaView;
  const described = describeWrongValue(schema, node);
  let message = described.endsWith('?') ? described : described + suggestValue(path, node);
  if (error.keyword === 'unit') {
    message = `must be at most ${Math.floor(LONGEST_DURATION_MS / 3_600_000)}h, but is ${describeSeen(node)}`;
  } else if (error.keyword === 'minProperties') {
    message = 'must name at least one, but is empty';
    if (schema.maxProperties === 1) message = describeChoice(schema);
  } else if (error.keyword === 'maxProperties') {
    message = describeChoice(schema);
  }
  findings.error('wrong-value', node.position, path, message);
}

function reportUnknownKey(
  { node, path }: Place,
  error: ErrorObject,
  findings: Findings,
  policies: PolicyList,
): void {
  const key = (error.params as { additionalProperty: string }).additionalProperty;
  const entry = node.kind === 'map' ? node.entries.get(key) : undefined;
  if (entry === undefined) return;
  const known = Object.keys((error.parentSchema as SchemaView).properties ?? {});
  const hint =
    path.length === 0 && policies.some(({ name }) => name === key)
      ? 'policies belong in `defaults`, a profile, an upstream or a route;'
      : policies.length > 0 && Object.hasOwn(connectionKeys, key)
        ? 'it belongs in `defaults`, a profile or an upstream;'
        : hintAt(key, entry, path, known, policies);
  findings.error('unknown-key', entry.key, [...path, key], describeUnknownKey(key, known, hint));
}

/** Of a key that is not just misspelt; empty where nothing is known of it. */
function hintAt(
  key: string,
  entry: SourceEntry,
  path: Path,
  known: readonly string[],
  policies: PolicyList,
): string {
  const lower = key.toLowerCase();
  if (known.some((other) => other.toLowerCase() === lower)) return '';
  if (policies.length === 0) return '';
  const schemas = schemasOf(policies);
  const translated = translateKey(key, entry, path, Object.keys(schemas));
  return translated ?? findHome(key, path, schemas) ?? '';
}

function reportMissingKey(
  { key, node, path }: Place,
  error: ErrorObject,
  findings: Findings,
): void {
  const missing = (error.params as { missingProperty: string }).missingProperty;
  const { properties } = error.parentSchema as {
    properties: Record<string, { title?: string; description?: string }>;
  };
  const keys = [...entriesOf(node).keys()];
  if (isMisspelt(missing, keys, Object.keys(properties))) return;
  const { title, description } = properties[missing]!;
  const meaning = (title ?? description ?? '').replace(/\.$/, '');
  findings.error('missing-key', key, path, `the key \`${missing}\` is missing: ${meaning}`);
}

function reportName({ node, path }: Place, name: string, findings: Findings): void {
  const entry = node.kind === 'map' ? node.entries.get(name) : undefined;
  if (entry === undefined) return;
  const message =
    'is not a name; a name has letters, digits, `.`, `_` and `-`, and begins with a letter or digit';
  findings.error('wrong-name', entry.key, [...path, name], message);
}
