/** The words in which options are declared: which values they take, and what they tell of themselves. */
import { Ajv } from 'ajv';
import t from 'tap';
import {
  Count,
  CountOrOff,
  Duration,
  DurationOrOff,
  ListOrOff,
  Options,
  Rate,
  Share,
  ShareOrOff,
  ShareOrWord,
  Size,
  SizeOrOff,
  Switchable,
  Type,
  type TSchema,
} from '../../src/core/options.js';

const described = { description: 'What it does.' };

/** The values that a schema takes, of those that are offered. */
function taken(schema: TSchema, ...values: readonly unknown[]): unknown[] {
  const validate = new Ajv({ strict: false }).compile(schema);
  return values.filter((value) => validate(value));
}

t.test('a quantity takes numbers with its unit', async (t) => {
  const values = [
    '0s',
    '5s',
    '1.5m',
    '1m30s',
    '0B',
    '64KiB',
    '1.5GiB',
    '0%',
    '20%',
    '1.5/s',
    '0/h',
  ];
  const others = ['', '5', 5, '-5s', 's', '5 s', '64kb', '20', '1/d', 'off', null];
  const of = (schema: TSchema) => taken(schema, ...values, ...others);
  t.same(of(Duration(described)), ['0s', '5s', '1.5m', '1m30s']);
  t.same(of(Size(described)), ['0B', '64KiB', '1.5GiB']);
  t.same(of(Share(described)), ['0%', '20%']);
  t.same(of(Rate(described)), ['1.5/s', '0/h']);
});

t.test('a quantity that may not be zero takes no form of it', async (t) => {
  const quantity = { ...described, zero: false };
  t.same(taken(Duration(quantity), '0s', '0.0s', '0m0s', '0.5s', '10s'), ['0.5s', '10s']);
  t.same(taken(Rate(quantity), '0/s', '0.0/s', '0.1/s'), ['0.1/s']);
  t.same(taken(Share(quantity), '0%', '00%', '0.1%'), ['0.1%']);
});

t.test('a share is at most 100%, unless more makes sense', async (t) => {
  const values = ['99.9%', '100%', '100.0%', '100.1%', '101%', '1000%'];
  t.same(taken(Share(described), ...values), ['99.9%', '100%', '100.0%']);
  t.same(taken(Share({ ...described, above100: true }), ...values), values);
});

t.test('what may be off takes off and false, but not zero, which is meant as off', async (t) => {
  const values = ['off', false, 'on', true, '0s', '1s', '0B', '1B', '0%', '1%'];
  t.same(taken(DurationOrOff(described), ...values), ['off', false, '1s']);
  t.same(taken(SizeOrOff(described), ...values), ['off', false, '1B']);
  t.same(taken(ShareOrOff(described), ...values), ['off', false, '1%']);
  t.same(taken(DurationOrOff({ ...described, zero: true }), '0s'), ['0s']);
});

t.test('on and true stand for a default, where there is one', async (t) => {
  const words = ['off', false, 'on', true];
  t.same(taken(DurationOrOff({ ...described, default: '5s' }), ...words), words);
  t.same(taken(DurationOrOff({ ...described, default: 'off' }), ...words), ['off', false]);
  t.same(taken(CountOrOff({ ...described, minimum: 2, default: 3 }), ...words), words);
});

t.test('a share or a word', async (t) => {
  const schema = ShareOrWord('all', described);
  t.same(taken(schema, '20%', '101%', 'all', 'off', ''), ['20%', 'all']);
  t.match(schema, { title: 'a share such as 20%, or all', unit: 'share', ...described });
});

t.test('a count is a whole number within bounds', async (t) => {
  const count = Count({ ...described, minimum: 2, maximum: 4 });
  t.same(taken(count, 1, 2, 2.5, 4, 5, '3', 'off'), [2, 4]);
  const orOff = CountOrOff({ ...described, minimum: 2 });
  t.same(taken(orOff, 1, 2, 2.5, 99, 'off', false, 'on', true), [2, 99, 'off', false]);
});

t.test('a mapping takes its own keys only, each of which may be left out', async (t) => {
  const mapping = Options({ a: Type.Boolean(), b: Type.String() }, described);
  t.same(taken(mapping, {}, { a: true }, { a: 1 }, { c: 1 }, 'off'), [{}, { a: true }]);
});

t.test('a mapping that can be switched', async (t) => {
  const mapping = Options({ a: Type.Number() }, described);
  const values = [{ a: 1 }, 'off', false, 'on', true, { c: 1 }];
  t.same(taken(Switchable(mapping), ...values), [{ a: 1 }, 'off', false, 'on', true]);
  t.match(Switchable(mapping, { default: 'off' }), { default: 'off', off: true, ...described });
  const needing = { ...mapping, required: ['a'] };
  t.same(
    taken(Switchable(needing), ...values),
    [{ a: 1 }, 'off', false],
    'on would say too little',
  );
});

t.test('a list that can be off, of at least so many', async (t) => {
  const numbers = ListOrOff(Type.Integer(), { ...described, minItems: 2 });
  t.same(taken(numbers, [1], [1, 2], [1, 'a'], 'off', false, 'on'), [[1, 2], 'off', false]);
  t.same(taken(ListOrOff(Type.Integer(), described), [], 'off'), [[], 'off']);
});

t.test('every word keeps its description, its default and its unit', async (t) => {
  const options = { ...described, default: '5s' };
  for (const [schema, unit] of [
    [Duration(options), 'duration'],
    [DurationOrOff(options), 'duration'],
    [Size({ ...options }), 'size'],
    [SizeOrOff(options), 'size'],
    [Share(options), 'share'],
    [ShareOrOff(options), 'share'],
    [Rate(options), 'rate'],
  ] as const)
    t.match(schema, { ...options, unit });
  t.match(Count({ ...described, minimum: 1, default: 7 }), { ...described, default: 7 });
  for (const schema of [DurationOrOff(options), SizeOrOff(options), ShareOrOff(options)])
    t.match(schema, { off: true });
  t.notOk('off' in Duration(options));
});
