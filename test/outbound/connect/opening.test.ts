import t from 'tap';
import { ConnectTimeout } from '../../../src/outbound/client.js';
import type { Connection } from '../../../src/outbound/http1/connection.js';
import { Opening } from '../../../src/outbound/connect/opening.js';
import { Names } from '../../../src/outbound/names/names.js';
import { TargetAddresses } from '../../../src/outbound/names/target-addresses.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
import { poolOptions } from '../../support/pool-options.js';

/** An opening whose connections the test opens or fails itself. */
function begin(count: number, { timeoutMs = 2000 } = {}) {
  const clock = new FakeClock();
  const found = Array.from({ length: count }, (_, i) => ({ address: `10.0.0.${i}`, family: 4 }));
  const names = new Names(clock, () => Promise.resolve(found));
  const target = { ...poolOptions(1).target, host: 'fleet.test' };
  const addresses = new TargetAddresses(target, undefined, names);
  const tried: { atMs: number; isEnded: boolean; onOpen: (error?: Error) => void }[] = [];
  const state = { isWanted: true, opened: undefined as Connection | undefined };
  const failed: Error[] = [];
  const opening = new Opening({
    clock,
    addresses,
    timeoutMs,
    connect(address, onOpen) {
      const one = { atMs: clock.now(), isEnded: false, onOpen };
      tried.push(one);
      return { address, destroy: () => void (one.isEnded = true) } as unknown as Connection;
    },
    isWanted: () => state.isWanted,
    onOpen: (connection) => void (state.opened = connection),
    onFailure: (error) => void failed.push(error),
  });
  opening.start();
  return { clock, tried, state, failed, opening };
}

const fault = (code: string) => Object.assign(new Error(code), { code });

t.test('addresses that do not respond share the time', async (t) => {
  const { clock, tried, failed } = begin(3);
  await clock.advance(10_000);
  t.same(
    tried.map(({ atMs }) => Math.round(atMs)),
    [0, 667, 1333],
  );
  t.ok(tried.every(({ isEnded }) => isEnded));
  t.equal(failed.length, 1);
  t.ok((failed[0] as AggregateError).errors.at(-1) instanceof ConnectTimeout);
  t.equal(clock.pending, 0);
});

t.test('a dead address keeps a living one from nothing', async (t) => {
  const { clock, tried, state, failed } = begin(2);
  await clock.advance(1000);
  tried[1]!.onOpen();
  t.equal(state.opened?.address, '10.0.0.1');
  t.same(failed, []);
  t.equal(clock.pending, 0);
});

t.test('with two minutes to connect, an address still has 5 s at most', async (t) => {
  const { clock, tried } = begin(2, { timeoutMs: 0 });
  await clock.advance(6000);
  t.same(
    tried.map(({ atMs }) => atMs),
    [0, 5000],
  );
});

t.test('the next address is left alone when the request is over', async (t) => {
  const { tried, state, failed } = begin(2);
  await settle();
  state.isWanted = false;
  tried[0]!.onOpen(fault('ECONNREFUSED'));
  t.equal(tried.length, 1);
  t.match(failed, [{ code: 'ECONNREFUSED' }]);
});

t.test('what this process lacks as a whole, no other address can give', async (t) => {
  const { tried, failed } = begin(2);
  await settle();
  tried[0]!.onOpen(fault('EMFILE'));
  t.equal(tried.length, 1, 'another address would not help');
  t.match(failed, [{ code: 'EMFILE' }]);

  const ports = begin(2);
  await settle();
  ports.tried[0]!.onOpen(fault('EADDRNOTAVAIL'));
  t.equal(ports.tried.length, 2, 'another address has ports of its own');
});
