import t from 'tap';
import { fakeAttempt, fakeCall } from '../support/fake-call.js';
import { addresses, fakeFleet, pick, states, target } from '../support/fake-fleet.js';

const FLEET = ['10.0.0.1', '10.0.0.2', '10.0.0.3'];

/** A set whose name has been looked up. */
async function openFleet(found = FLEET) {
  const fleet = fakeFleet();
  fleet.names.found['fleet.test'] = found;
  const set = fleet.open([target('fleet.test')]);
  set.wait(() => {});
  await fleet.clock.advance(0);
  return { ...fleet, set };
}

t.test('an address or a socket is an endpoint at once, and is never looked up', async (t) => {
  const { open, names, clock } = fakeFleet();
  const socket = { ...target('localhost'), socketPath: '/run/x.sock' };
  const set = open([target('10.0.0.1', { port: 8080 }), target('::1'), socket]);
  t.same(addresses(set), ['10.0.0.1:8080', '[::1]:80', '/run/x.sock']);
  t.ok(pick(set));
  await clock.advance(60_000);
  t.same(names.asked, []);
  t.equal(clock.pending, 0);
});

t.test('each address of a name is an endpoint, called as the name says', async (t) => {
  const { set, clients } = await openFleet(['10.0.0.2', '10.0.0.1', '::1']);
  t.same(addresses(set), ['10.0.0.1:80', '10.0.0.2:80', '[::1]:80']);
  t.same(
    clients.map(({ options }) => [options.address, options.target.host]),
    [
      ['10.0.0.1', 'fleet.test'],
      ['10.0.0.2', 'fleet.test'],
      ['::1', 'fleet.test'],
    ],
  );
  t.equal(pick(set)!.authority, 'fleet.test');
});

t.test('with `addresses: first` the name is one endpoint, and connections follow it', async (t) => {
  const { open, names, clients } = fakeFleet();
  const resolve = { addresses: 'first', refresh: 5000, maxAge: 'off' } as const;
  const set = open([target('fleet.test', { port: 81 })], { resolve });
  t.same(addresses(set), ['fleet.test:81']);
  t.equal(clients[0]!.options.address, undefined);
  t.ok(pick(set));
  t.same(names.asked, []);
});

t.test('attempts wait for the first look-up, and for no later one', async (t) => {
  const { open, names, clock } = fakeFleet();
  let release: (() => void) | undefined;
  names.gate = new Promise((resolve) => (release = resolve));
  names.found['fleet.test'] = FLEET;
  const set = open([target('fleet.test')]);
  t.equal(pick(set), undefined);
  const ends: (Error | undefined)[] = [];
  set.wait((error) => ends.push(error));
  await clock.advance(10);
  t.same(ends, []);
  release!();
  await clock.advance(0);
  t.same(ends, [undefined]);
  names.gate = new Promise(() => {});
  await clock.advance(20_000);
  t.ok(pick(set));
});

t.test(
  'the wait ends with the reason of the failure, at its limit, or when it is given up',
  async (t) => {
    const { open, names, clock } = fakeFleet();
    const set = open([target('fleet.test')]);
    const ends: string[] = [];
    const note = (error?: Error) => void ends.push(error?.message ?? 'found');
    set.wait(note);
    await clock.advance(0);
    t.same(ends, ['getaddrinfo ENOTFOUND fleet.test']);
    names.gate = new Promise(() => {});
    set.wait(note)();
    set.wait(note);
    await clock.advance(1000);
    t.same(ends.slice(1), ['its name was not looked up within 1000 ms']);
    set.retire();
    await clock.advance(60_000);
    t.equal(clock.pending, 0);
  },
);

t.test('one target that can be reached is enough', async (t) => {
  const { open, names, clock } = fakeFleet();
  names.found['b.test'] = ['10.0.0.9'];
  const set = open([target('a.test'), target('b.test')]);
  const ends: (Error | undefined)[] = [];
  set.wait((error) => ends.push(error));
  await clock.advance(0);
  t.same(ends, [undefined]);
  t.same(addresses(set), ['10.0.0.9:80']);
});

t.test('an address that two targets have is one endpoint, of the first', async (t) => {
  const { open, names, clock } = fakeFleet();
  names.found['a.test'] = ['10.0.0.1'];
  names.found['b.test'] = ['10.0.0.1', '10.0.0.2'];
  const set = open([
    { target: target('a.test'), weight: 3 },
    { target: target('b.test'), weight: 1 },
  ]);
  set.wait(() => {});
  await clock.advance(0);
  t.match(set.list(), [
    { address: '10.0.0.1:80', target: 'http://a.test:80', weight: 3 },
    { address: '10.0.0.2:80', target: 'http://b.test:80', weight: 1 },
  ]);
});

t.test(
  'new addresses take calls at once, and one that vanishes finishes what it has',
  async (t) => {
    const { set, names, clock, clients } = await openFleet(['10.0.0.1', '10.0.0.2']);
    const [first, second] = [pick(set)!, pick(set)!];
    names.found['fleet.test'] = ['10.0.0.2', '10.0.0.4'];
    await clock.advance(5000);
    t.same(states(set), {
      '10.0.0.2:80': 'available',
      '10.0.0.4:80': 'available',
      '10.0.0.1:80': 'leaving',
    });
    const gone = first.address === '10.0.0.1:80' ? first : second;
    t.match(set.list().at(-1), { active: 1, backInMs: 0 });
    t.same(
      clients.map(({ holders }) => holders),
      [0, 1, 1],
      'its idle connections close',
    );
    for (let i = 0; i < 10; i += 1) t.not(pick(set)!.address, '10.0.0.1:80');
    gone.end();
    t.same(addresses(set), ['10.0.0.2:80', '10.0.0.4:80']);
  },
);

t.test('a failed or empty response keeps what there was, and is told once', async (t) => {
  const { set, names, clock, events } = await openFleet();
  for (const found of [{ code: 'EAI_AGAIN' }, [], { code: 'ENOTFOUND' }, FLEET]) {
    pick(set);
    names.found['fleet.test'] = found;
    await clock.advance(5000);
    t.same(
      addresses(set),
      FLEET.map((host) => `${host}:80`),
    );
  }
  const news = events.map((event) => {
    const { result, isNews } = event as unknown as { result: string; isNews: boolean };
    return [result, isNews];
  });
  t.same(news, [
    ['success', false],
    ['failure', true],
    ['failure', false],
    ['failure', false],
    ['unchanged', true],
  ]);
});

t.test('names are looked up while there are calls, and again with the next one', async (t) => {
  const { set, names, clock } = await openFleet();
  pick(set);
  await clock.advance(200_000);
  t.equal(clock.pending, 0);
  const before = names.asked.length;
  t.ok(before >= 10 && before <= 13, `${before} look-ups`);
  pick(set, fakeCall(), clock.now());
  await clock.advance(0);
  t.equal(names.asked.length, before + 1);
});

t.test('a failed connection has the name looked up at once, at most once a second', async (t) => {
  const { set, names, clock } = await openFleet();
  const endpoint = pick(set)!;
  await clock.advance(1000);
  const before = names.asked.length;
  endpoint.onUnreachable();
  endpoint.onUnreachable();
  await clock.advance(999);
  endpoint.onUnreachable();
  await clock.advance(0);
  t.equal(names.asked.length, before + 1);
  await clock.advance(1);
  endpoint.onUnreachable();
  await clock.advance(0);
  t.equal(names.asked.length, before + 2);
});

t.test('an attempt knows the endpoint that it goes to', async (t) => {
  const { set } = await openFleet();
  const attempt = fakeAttempt();
  t.equal(attempt.endpoint, undefined, 'none is chosen yet');
  const endpoint = set.choose(attempt, 0)!;
  t.equal(attempt.endpoint, endpoint.address);
});

t.test('a further attempt goes to an endpoint that its call has not tried', async (t) => {
  const { set } = await openFleet();
  const call = fakeCall();
  const tried = [pick(set, call)!.address, pick(set, call)!.address];
  t.equal(call.endpoints?.hasOther(call.triedEndpoints), true);
  tried.push(pick(set, call)!.address);
  t.same(
    tried.toSorted(),
    FLEET.map((host) => `${host}:80`),
  );
  t.same(call.triedEndpoints, tried);
  t.equal(call.endpoints?.hasOther(call.triedEndpoints), false);
  t.ok(pick(set, call), 'all were tried: any will do');
});

t.test('a drained endpoint gets no attempts; where all are, calls are refused', async (t) => {
  const { set, clock } = await openFleet(['10.0.0.1', '10.0.0.2']);
  t.equal(set.drain('10.0.0.9:80', 1000), undefined);
  t.match(set.drain('10.0.0.1:80', 1000), { state: 'drained', backInMs: 1000 });
  for (let i = 0; i < 4; i += 1) t.equal(pick(set)!.address, '10.0.0.2:80');
  t.equal(set.refusal(), undefined);
  set.drain('10.0.0.2:80', Infinity);
  t.equal(pick(set), undefined);
  t.match(set.refusal(), {
    reason: 'no-endpoint',
    status: 503,
    retryAfterMs: 1000,
    message: 'Cannot call catalog because all its 2 endpoints are drained',
  });
  await clock.advance(1000);
  t.equal(set.refusal(), undefined);
  t.equal(pick(set)!.address, '10.0.0.1:80');
  t.match(set.undrain('10.0.0.2:80'), { state: 'available', backInMs: 0 });
});

/** Fails attempts at it until it is out. */
function eject(endpoint: NonNullable<ReturnType<typeof pick>>, times = 5): void {
  for (let i = 0; i < times; i += 1) endpoint.report(true, 0);
}

t.test('an endpoint at which attempts fail is out for a while', async (t) => {
  const { set, clock } = await openFleet();
  const bad = pick(set)!;
  eject(bad, 4);
  t.equal(states(set)[bad.address], 'available');
  eject(bad, 1);
  t.equal(states(set)[bad.address], 'ejected');
  for (let i = 0; i < 6; i += 1) t.not(pick(set)!.address, bad.address);
  await clock.advance(10_000);
  t.equal(states(set)[bad.address], 'available');
});

t.test('where none is available, all that are not drained are used', async (t) => {
  const { set, events } = await openFleet(['10.0.0.1', '10.0.0.2']);
  const [bad, drained] = [pick(set)!, pick(set)!];
  set.drain(drained.address, Infinity);
  eject(bad);
  t.same(states(set), { [bad.address]: 'ejected', [drained.address]: 'drained' });
  t.equal(pick(set)!.address, bad.address);
  t.equal(pick(set)!.address, bad.address);
  const panics = events.filter(({ type }) => type === 'endpoints-panicked');
  t.match(panics, [{ isNews: true }, { isNews: false }]);
});

t.test('endpoints go on after a reload by their addresses', async (t) => {
  const { set, open, clock, clients, names } = await openFleet();
  const bad = pick(set)!;
  eject(bad);
  const drained = addresses(set).find((address) => address !== bad.address)!;
  set.drain(drained, 60_000);
  const next = open([{ target: target('fleet.test'), weight: 2 }], {}, set);
  const after = Object.fromEntries(
    next.list().map(({ address, weight, state, active }) => [address, [weight, state, active]]),
  );
  t.same(addresses(next), addresses(set), 'without a look-up');
  t.same(after[bad.address], [2, 'ejected', 1]);
  t.same(after[drained], [2, 'drained', 0]);
  t.equal(clients.length, 3);
  bad.end();
  t.ok(
    next.list().every(({ active }) => active === 0),
    'attempts from before the reload still count',
  );
  set.release();
  t.same(
    clients.map(({ holders }) => holders),
    [1, 1, 1],
  );
  await clock.advance(10_000);
  t.equal(states(next)[bad.address], 'available');
  const before = names.asked.length;
  next.retire();
  next.destroy();
  await clock.advance(60_000);
  t.equal(names.asked.length, before);
  t.equal(clock.pending, 0);
  t.ok(clients.every(({ isDestroyed }) => isDestroyed));
});

t.test('a target that a reload takes away goes, and a new one comes', async (t) => {
  const { open, clients } = fakeFleet();
  const before = open([target('10.0.0.1'), target('10.0.0.2')]);
  const after = open([target('10.0.0.2'), target('10.0.0.3')], {}, before);
  t.same(addresses(after), ['10.0.0.2:80', '10.0.0.3:80']);
  before.release();
  t.same(
    clients.map(({ options, holders }) => [options.address, holders]),
    [
      ['10.0.0.1', 0],
      ['10.0.0.2', 1],
      ['10.0.0.3', 1],
    ],
  );
});

t.test('an endpoint that a reload takes away is not told to be back', async (t) => {
  const { set, open, clock, events } = await openFleet();
  eject(pick(set)!);
  open([target('10.0.0.9')], {}, set);
  await clock.advance(60_000);
  t.notOk(events.some(({ type }) => type === 'endpoint-returned'));
  t.equal(clock.pending, 0);
});
