import t from 'tap';
import type { NameAddress } from '../../../src/outbound/names/lookup.js';
import { Names } from '../../../src/outbound/names/names.js';
import { FakeClock, settle } from '../../support/fake-clock.js';

const v4 = (...addresses: string[]): NameAddress[] =>
  addresses.map((address) => ({ address, family: 4 }));

interface Asked {
  readonly name: string;
  readonly resolve: (addresses: readonly NameAddress[]) => void;
  readonly reject: (error: Error) => void;
}

/** Names whose look-ups the test ends itself. */
function open() {
  const clock = new FakeClock();
  const asked: Asked[] = [];
  const names = new Names(
    clock,
    (name) =>
      new Promise((resolve, reject) => {
        asked.push({ name, resolve, reject });
      }),
  );
  const name = names.get('a.test');
  const found: string[] = [];
  const find = (): void =>
    name.find((error, addresses) => {
      found.push(error?.message ?? addresses.map(({ address }) => address).join(' '));
    });
  return { clock, asked, names, name, found, find };
}

t.test('a name is looked up once for all who ask at the same time', async (t) => {
  const { asked, names, found, find } = open();
  find();
  find();
  names.get('b.test').find(() => {});
  t.same(
    asked.map(({ name }) => name),
    ['a.test', 'b.test'],
  );
  asked[0]!.resolve(v4('1.1.1.1'));
  await settle();
  t.same(found, ['1.1.1.1', '1.1.1.1']);
  find();
  t.equal(asked.length, 2, 'a result of this moment is used as it is');
});

t.test('connections that share a result begin at one address each', async (t) => {
  const { asked, found, find } = open();
  for (let i = 0; i < 3; i += 1) find();
  asked[0]!.resolve([{ address: '::1', family: 6 }, ...v4('1.1.1.1')]);
  await settle();
  t.same(new Set(found), new Set(['::1 1.1.1.1']), 'but the preferred family stays in front');
  const other = open();
  for (let i = 0; i < 3; i += 1) other.find();
  other.asked[0]!.resolve([...v4('1.1.1.1', '2.2.2.2'), { address: '::1', family: 6 }]);
  await settle();
  t.same(other.found, ['1.1.1.1 2.2.2.2 ::1', '2.2.2.2 1.1.1.1 ::1', '1.1.1.1 2.2.2.2 ::1']);
});

t.test('a look-up that fails or finds nothing keeps what there was', async (t) => {
  const { clock, asked, found, find } = open();
  find();
  asked[0]!.reject(new Error('no server'));
  await settle();
  t.same(found, ['no server'], 'there was nothing');
  find();
  asked[1]!.resolve(v4('1.1.1.1'));
  await clock.advance(1000);
  find();
  asked[2]!.reject(new Error('no server'));
  await clock.advance(1000);
  find();
  asked[3]!.resolve([]);
  await settle();
  t.same(found.slice(1), ['1.1.1.1', '1.1.1.1', '1.1.1.1']);
});

t.test('a name without addresses is an error', async (t) => {
  const { asked, found, find } = open();
  find();
  asked[0]!.resolve([]);
  await settle();
  t.same(found, ['getaddrinfo ENODATA a.test']);
});

t.test('a slow look-up holds up no connection once there is a result', async (t) => {
  const { clock, asked, found, find } = open();
  find();
  asked[0]!.resolve(v4('1.1.1.1'));
  await clock.advance(1000);
  find();
  await clock.advance(99);
  t.equal(found.length, 1, 'it has a moment');
  await clock.advance(1);
  t.same(found, ['1.1.1.1', '1.1.1.1']);
  await clock.advance(1000);
  find();
  await clock.advance(0);
  t.equal(found.length, 3, 'the next one does not wait: the look-up is known to be slow');
  asked[1]!.resolve(v4('2.2.2.2'));
  await settle();
  t.equal(found.length, 3, 'each is told once');
  t.equal(asked.length, 2);
  t.equal(clock.pending, 0);
});

t.test('a name in use is looked up every 5 s', async (t) => {
  const { clock, asked, name } = open();
  name.touch(clock.now());
  asked[0]!.resolve(v4('1.1.1.1'));
  await clock.advance(4999);
  name.touch(clock.now());
  t.equal(asked.length, 1);
  await clock.advance(1);
  name.touch(clock.now());
  t.equal(asked.length, 2);
});

t.test('an address is gone when more than one look-up lacks it', async (t) => {
  const { clock, asked, name } = open();
  const respond = async (...addresses: string[]): Promise<void> => {
    name.touch(clock.now());
    asked.at(-1)!.resolve(v4(...addresses));
    await clock.advance(5000);
  };
  await respond('1.1.1.1', '2.2.2.2');
  await respond('2.2.2.2');
  t.equal(name.isGone('1.1.1.1'), false, 'some servers name a part of the addresses each time');
  await respond('2.2.2.2');
  t.equal(name.isGone('1.1.1.1'), true);
  t.equal(name.isGone('2.2.2.2'), false);
  await respond('1.1.1.1');
  t.equal(name.isGone('1.1.1.1'), false, 'it is back');
});
