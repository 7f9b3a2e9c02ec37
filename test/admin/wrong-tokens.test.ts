import t from 'tap';
import { isSameToken } from '../../src/admin/access.js';
import { fakeProxy } from './fake-proxy.js';

type Fake = ReturnType<typeof fakeProxy>;

const guarded = () => fakeProxy({ token: () => 's3cret' });

const put = ({ app }: Fake, token: string | undefined, remoteAddress = '127.0.0.1') =>
  app.inject({
    method: 'PUT',
    url: '/circuits/catalog',
    payload: '{"state":"forced-open"}',
    remoteAddress,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  });

/** As `put`, while time passes. */
async function putInTime(fake: Fake, token: string, remoteAddress?: string) {
  const response = put(fake, token, remoteAddress);
  await fake.clock.advance(1000);
  return response;
}

/** Ten wrong tokens, after which the peer is slowed. */
async function guess(fake: Fake, remoteAddress?: string) {
  const statuses: number[] = [];
  for (let i = 0; i < 10; i++)
    statuses.push((await put(fake, `guess-${i}`, remoteAddress)).statusCode);
  return statuses;
}

/** Starts a request, and waits until it has come to the check of its token. */
async function start(fake: Fake, token: string) {
  let isOver = false;
  const response = put(fake, token).then((it) => {
    isOver = true;
    return it;
  });
  await fake.clock.advance(0);
  await fake.clock.advance(0);
  return { response, isOver: () => isOver };
}

t.test('compares tokens as digests of one length, in constant time', async (t) => {
  const compared: [number, number][] = [];
  for (const given of ['', 'x', 's3cret', 's3cret-and-more', 'x'.repeat(5000)]) {
    isSameToken(given, 's3cret', (a, b) => {
      compared.push([a.byteLength, b.byteLength]);
      return false;
    });
    t.equal(isSameToken(given, 's3cret'), given === 's3cret');
  }
  t.same(
    compared,
    compared.map(() => [32, 32]),
  );
  t.equal(compared.length, 5, 'each is compared, whatever its length');
});

t.test('after ten wrong tokens a peer gets 429, with how long it should stay away', async (t) => {
  const fake = guarded();
  t.same(await guess(fake), Array(10).fill(401));
  const limited = await putInTime(fake, 'guess');
  t.equal(limited.statusCode, 429);
  t.equal(limited.headers['retry-after'], '60');
  t.match(limited.headers['www-authenticate'], /error="invalid_token"/);
  t.match(limited.json(), {
    status: 429,
    title: 'Too Many Requests',
    detail:
      'Cannot change anything because the token is not admin.token, like the 10 before it from 127.0.0.1; each token from there is now checked after 1 s, until no wrong one has come for 60 s',
  });
  t.same(fake.refusedTokens, [...Array<string>(10).fill('wrong'), 'limited']);
  t.same(fake.circuits.catalog.orders, []);
});

t.test(
  'a right token is never refused because of wrong ones, but it waits as they do',
  async (t) => {
    const fake = guarded();
    await guess(fake);
    const [right, wrong] = [await start(fake, 's3cret'), await start(fake, 'guess')];
    await fake.clock.advance(999);
    t.same([right.isOver(), wrong.isOver()], [false, false], 'no sooner than a wrong one');
    t.same(fake.circuits.catalog.orders, []);
    await fake.clock.advance(1);
    t.equal((await right.response).statusCode, 200);
    t.equal((await wrong.response).statusCode, 429);
    t.equal(fake.circuits.catalog.orders.length, 1);
    t.equal(fake.clock.pending, 0);
  },
);

t.test('a right token does not give a guesser of the same address more guesses', async (t) => {
  const fake = guarded();
  for (let i = 0; i < 9; i++) await put(fake, 'guess');
  t.equal((await put(fake, 's3cret')).statusCode, 200);
  t.equal((await put(fake, 'guess')).statusCode, 401);
  t.equal((await putInTime(fake, 'guess')).statusCode, 429);
});

t.test('at most ten tokens of a peer wait: more are not checked', async (t) => {
  const fake = guarded();
  await guess(fake);
  const waiting = [];
  for (let i = 0; i < 10; i++) waiting.push(await start(fake, 'guess'));
  const more = await put(fake, 's3cret');
  t.equal(more.statusCode, 429);
  t.equal(more.headers['retry-after'], '1');
  t.match(more.json().detail, /because 10 tokens from 127\.0\.0\.1 wait for their check/);
  t.equal(fake.refusedTokens.at(-1), 'unchecked');
  t.equal((await put(fake, 's3cret', '192.0.2.1')).statusCode, 200, 'others are not concerned');
  await fake.clock.advance(1000);
  for (const { response } of waiting) t.equal((await response).statusCode, 429);
  t.equal((await putInTime(fake, 's3cret')).statusCode, 200, 'the places are free again');
});

t.test('after a minute without a wrong token all is as before', async (t) => {
  const fake = guarded();
  await guess(fake);
  await fake.clock.advance(58_000);
  t.equal((await putInTime(fake, 'guess')).statusCode, 429, 'the minute begins anew');
  await fake.clock.advance(59_999);
  const right = await start(fake, 's3cret');
  t.notOk(right.isOver());
  await fake.clock.advance(1000);
  t.equal((await right.response).statusCode, 200);
  t.equal((await put(fake, 'guess')).statusCode, 401);
});

t.test('a request without a token is no guess', async (t) => {
  const fake = guarded();
  for (let i = 0; i < 30; i++) t.equal((await put(fake, undefined)).statusCode, 401);
  t.equal((await put(fake, 's3cret')).statusCode, 200);
  t.same(fake.refusedTokens, []);
});

t.test('addresses have counts of their own; those of one IPv6 network share one', async (t) => {
  const pairs: [string, string, boolean][] = [
    ['10.0.0.1', '10.0.0.2', false],
    ['::ffff:10.0.0.1', '::ffff:10.0.0.2', false],
    ['2001:db8::1', '2001:db8::ffff:2', true],
    ['2001:db8:0:0:1:2:3:4', '2001:db8::9', true],
    ['2001:db8::1', '2001:db8:0:1::1', false],
    ['1:2:3:4:5:6:7::', '1:2:3:4::', true],
    ['::1', '::2', true],
  ];
  for (const [first, second, isShared] of pairs) {
    const fake = guarded();
    await guess(fake, first);
    const { statusCode } = await putInTime(fake, 'guess', second);
    t.equal(statusCode, isShared ? 429 : 401, `${first} and ${second}`);
  }
});

t.test('a burst has one line in the log beside those of its first ten', async (t) => {
  const fake = guarded();
  const lines = () => fake.logs.splice(0).map(({ fields, message }) => [fields['status'], message]);
  await guess(fake);
  t.equal(lines().length, 10);
  for (let i = 0; i < 20; i++) await putInTime(fake, 'guess');
  t.match(lines(), [[429, /like the 10 before it from 127\.0\.0\.1/]]);
  const all = await Promise.all(Array.from({ length: 30 }, () => putInTime(fake, 'guess')));
  t.ok(all.every(({ statusCode }) => statusCode === 429));
  t.same(lines(), [], 'neither have those that are not checked');
  await fake.clock.advance(60_000);
  await guess(fake);
  await putInTime(fake, 'guess');
  t.equal(lines().length, 11, 'the next burst is told again');
  t.notMatch(JSON.stringify(fake.logs), /guess|s3cret/);
});
