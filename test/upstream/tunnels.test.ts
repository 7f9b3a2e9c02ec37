import t from 'tap';
import { Tunnels } from '../../src/upstream/tunnels.js';
import { FakeClock, settle } from '../support/fake-clock.js';
import { fakeConnection, type FakeSocket } from '../support/fake-socket.js';

/** What has come to one end of a connection. */
function listenAt(far: FakeSocket) {
  const heard = { text: '', hasEnded: false };
  far.on('data', (chunk: Buffer) => (heard.text += chunk.toString()));
  far.on('end', () => (heard.hasEnded = true));
  return heard;
}

/** A tunnel between a client and an upstream, both in the hands of the test. */
function open(
  idleMs: number | 'off' = 'off',
  clock = new FakeClock(),
  tunnels = new Tunnels(clock),
) {
  const [client, upstream] = [fakeConnection(), fakeConnection()];
  tunnels.open(client.near, upstream.near, idleMs);
  const areClosed = () => client.near.closed && upstream.near.closed;
  return { clock, tunnels, client, upstream, areClosed };
}

t.test('carries bytes both ways', async (t) => {
  const { client, upstream } = open();
  const [atClient, atUpstream] = [listenAt(client.far), listenAt(upstream.far)];
  client.far.write('question');
  upstream.far.write('response');
  await settle();
  t.equal(atUpstream.text, 'question');
  t.equal(atClient.text, 'response');
  t.notOk(atUpstream.hasEnded);
  t.notOk(atClient.hasEnded);
});

t.test('reads no more from one side than the other side takes', async (t) => {
  const { client, upstream } = open();
  const chunk = Buffer.alloc(16 * 1024, 'x');
  const count = 100;
  let taken = 0;
  for (let i = 0; i < count; i++) client.far.write(chunk, () => (taken += 1));
  await settle();
  const before = taken;
  t.ok(before < count / 2, `${before} of ${count} chunks are taken although nothing is read`);
  await settle();
  t.equal(taken, before);
  const atUpstream = listenAt(upstream.far);
  await settle();
  t.equal(taken, count);
  t.equal(atUpstream.text.length, count * chunk.length);
});

for (const first of ['client', 'upstream'] as const) {
  t.test(`lets the other side go on when the ${first} ends its own`, async (t) => {
    const { tunnels, client, upstream, areClosed } = open();
    const [one, other] =
      first === 'client' ? [client.far, upstream.far] : [upstream.far, client.far];
    const [atOne, atOther] = [listenAt(one), listenAt(other)];
    one.end('last question');
    await settle();
    t.same(atOther, { text: 'last question', hasEnded: true });
    t.same(atOne, { text: '', hasEnded: false });
    other.write('last ');
    await settle();
    other.end('words');
    await settle();
    t.same(atOne, { text: 'last words', hasEnded: true });
    t.ok(areClosed());
    t.equal(tunnels.size, 0);
  });

  t.test(`ends the other side when the ${first} closes, after what it sent`, async (t) => {
    const { tunnels, client, upstream, areClosed } = open();
    const [one, other] = first === 'client' ? [client, upstream] : [upstream, client];
    one.far.write('x'.repeat(100));
    await settle();
    one.near.destroy();
    await settle();
    const atOther = listenAt(other.far);
    await settle();
    t.same(atOther, { text: 'x'.repeat(100), hasEnded: true });
    t.ok(areClosed());
    t.equal(tunnels.size, 0);
  });
}

t.test('takes an error of one side for its close', async (t) => {
  const { tunnels, client, upstream, areClosed } = open();
  const atUpstream = listenAt(upstream.far);
  client.near.destroy(new Error('read ECONNRESET'));
  await settle();
  t.ok(atUpstream.hasEnded);
  t.ok(areClosed());
  t.equal(tunnels.size, 0);
});

t.test('cuts both sides when both have been silent for idleMs', async (t) => {
  const { clock, tunnels, client, upstream, areClosed } = open(1000);
  listenAt(client.far);
  listenAt(upstream.far);
  await clock.advance(600);
  client.far.write('still here');
  await clock.advance(900);
  upstream.far.write('here too');
  await clock.advance(999);
  t.notOk(client.near.destroyed, 'bytes of either side begin the time anew');
  t.notOk(upstream.near.destroyed);
  t.equal(tunnels.size, 1);
  await clock.advance(1);
  t.ok(areClosed());
  t.equal(tunnels.size, 0);
  t.equal(clock.pending, 0);
});

t.test('cuts a tunnel that is silent after one side has ended', async (t) => {
  const { clock, client, upstream, areClosed } = open(1000);
  listenAt(client.far);
  listenAt(upstream.far);
  client.far.end();
  await clock.advance(999);
  t.notOk(upstream.near.destroyed);
  await clock.advance(1);
  t.ok(areClosed());
});

t.test('lets a tunnel be silent for ever where idleMs is off', async (t) => {
  const { clock, tunnels, client } = open('off');
  t.equal(clock.pending, 0);
  await clock.advance(1e9);
  t.notOk(client.near.destroyed);
  t.equal(tunnels.size, 1);
});

t.test('leaves no timer when it is closed before it is silent', async (t) => {
  const { clock, client, upstream, areClosed } = open(1000);
  listenAt(client.far);
  listenAt(upstream.far);
  t.equal(clock.pending, 1);
  client.near.destroy();
  await settle();
  t.ok(areClosed());
  t.equal(clock.pending, 0);
});

t.test('the tunnels of one upstream', async (t) => {
  t.test('are counted until both of their sides are closed', async (t) => {
    const clock = new FakeClock();
    const tunnels = new Tunnels(clock);
    t.equal(tunnels.size, 0);
    const first = open('off', clock, tunnels);
    const second = open('off', clock, tunnels);
    t.equal(tunnels.size, 2);
    // More than the upstream takes while it does not read.
    first.client.far.write(Buffer.alloc(200_000));
    await settle();
    first.client.near.destroy();
    await settle();
    t.ok(first.client.near.closed);
    t.equal(tunnels.size, 2, 'the upstream still has something to read');
    listenAt(first.upstream.far);
    await settle();
    t.ok(first.areClosed());
    t.equal(tunnels.size, 1);
    t.notOk(second.client.near.destroyed);
  });

  t.test('are all cut at once', async (t) => {
    const clock = new FakeClock();
    const tunnels = new Tunnels(clock);
    const all = [open('off', clock, tunnels), open(1000, clock, tunnels)];
    // Not even what is under way holds them up.
    all[0]!.client.far.write(Buffer.alloc(200_000));
    await settle();
    tunnels.closeAll();
    await settle();
    for (const tunnel of all) t.ok(tunnel.areClosed());
    t.equal(tunnels.size, 0);
    t.equal(clock.pending, 0);
    const next = open('off', clock, tunnels);
    await settle();
    t.equal(tunnels.size, 1);
    t.notOk(next.client.near.destroyed, 'those that come later are not');
  });
});
