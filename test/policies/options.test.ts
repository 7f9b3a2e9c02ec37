/** What holds for the options of all policies, and what single ones take when they are written in a file. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import t from 'tap';
import { loadText } from '../../src/config/load.js';
import type { PolicyList } from '../../src/core/policy.js';
import { policies } from '../../src/policies/index.js';

/** What is read here of a JSON schema. */
interface Schema {
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
}

interface Option {
  /** Such as `retry.backoff.jitter`. */
  readonly path: string;
  readonly schema: Schema;
}

/** The option itself, and all below it. */
function optionsIn(path: string, schema: Schema): Option[] {
  const below = (inner: Schema): Option[] => [
    ...Object.entries(inner.properties ?? {}).flatMap(([key, option]) =>
      optionsIn(`${path}.${key}`, option),
    ),
    ...(inner.items === undefined ? [] : below(inner.items)),
    ...(inner.anyOf ?? []).flatMap(below),
  ];
  return [{ path, schema }, ...below(schema)];
}

const options = policies.flatMap(({ name, schema }) => optionsIn(name, schema as Schema));

/** What is wrong with a file whose one upstream has this line. */
const mistakesIn = (written: string) =>
  loadText(`upstreams: { a: { listen: 1, target: 'http://a', ${written} } }`, 'test.yaml', {})
    .diagnostics;

t.test('each option says what it is for', async (t) => {
  for (const { path, schema } of options) {
    const words = (schema.description ?? '').split(' ');
    t.ok(words.length >= 3, `${path}: ${schema.description}`);
  }
});

t.test('each default could be written as well', async (t) => {
  const ajv = new Ajv2020({ strict: false });
  for (const { path, schema } of options.filter((each) => each.schema.default !== undefined)) {
    t.ok(ajv.validate(schema, schema.default), `${path}: ${JSON.stringify(schema.default)}`);
  }
});

t.test('an option that takes one of several words explains each of them', async (t) => {
  const choices = options.filter(({ schema }) => schema.enum?.includes(schema.default));
  t.ok(choices.length >= 4);
  for (const { path, schema } of choices) {
    for (const word of schema.enum!) t.match(schema.description, `\`${String(word)}\``, path);
  }
});

t.test('what a policy reads from a file or another upstream is one of its options', async (t) => {
  const paths = new Set(options.map(({ path }) => path));
  for (const { name, references = {} } of policies as PolicyList) {
    const { upstreams = [], headers = [], files = [] } = references;
    for (const at of [...upstreams, ...headers, ...files.map((file) => file.at)]) {
      const path = [name, ...at.filter((key) => key !== '*')].join('.');
      t.ok(paths.has(path), path);
    }
  }
});

t.test('a response is kept for some time', async (t) => {
  t.same(mistakesIn('idempotency: { ttl: 1ms }'), []);
  t.match(mistakesIn('idempotency: { ttl: 0s }'), [{ path: 'upstreams.a.idempotency.ttl' }]);
});

t.test('only failures of gRPC are worth another attempt', async (t) => {
  t.same(mistakesIn('retry: { grpcStatuses: [UNAVAILABLE, INTERNAL, RESOURCE_EXHAUSTED] }'), []);
  t.match(mistakesIn('retry: { grpcStatuses: [OK] }'), [
    { path: 'upstreams.a.retry.grpcStatuses[0]' },
  ]);
});
