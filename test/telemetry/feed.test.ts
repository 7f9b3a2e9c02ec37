import t from 'tap';
import type { InspectableUpstream, Inspection } from '../../src/core/inspect.js';
import { policies } from '../../src/policies/index.js';
import { Feed, MAX_VIEWERS, PATIENCE_MS } from '../../src/telemetry/stream/feed.js';
import { SLOT_MS } from '../../src/telemetry/stream/ring.js';
import { Trends } from '../../src/telemetry/stream/trends.js';
import { FakeClock } from '../support/fake-clock.js';
import { fakeScope } from '../support/fake-layers.js';

class FakeViewer {
  readonly messages: string[] = [];
  isStuck = false;
  isDropped = false;

  isReady(): boolean {
    return !this.isStuck;
  }

  send(message: string): void {
    this.messages.push(message);
  }

  drop(): void {
    this.isDropped = true;
  }

  /** Its last message as a browser reads it. */
  last() {
    const lines = this.messages.at(-1)!.split('\n');
    const valueOf = (name: string) =>
      lines
        .filter((line) => line.startsWith(`${name}: `))
        .map((line) => line.slice(name.length + 2));
    const data = JSON.parse(valueOf('data').join('\n')) as {
      process: object;
      removed: string[];
      slot: number;
      upstreams: { name: string; history?: { calls: number[] } | null; before?: object }[];
    };
    return { event: valueOf('event')[0], id: Number(valueOf('id')[0]), ...data };
  }

  names(): string[] {
    return this.last().upstreams.map(({ name }) => name);
  }
}

const upstream = (name: string): InspectableUpstream => ({
  name,
  target: `http://${name}`,
  tunnels: 0,
  lastError: undefined,
  endpoints: { list: () => [], drain: () => undefined, undrain: () => undefined },
});

/** What is done in parts, with turns of the event loop in between. */
const settle = async () => {
  for (let i = 0; i < 30; i++) await new Promise((resolve) => setImmediate(resolve));
};

function build(...names: string[]) {
  const clock = new FakeClock();
  const trends = new Trends({ clock, policies });
  let present = names;
  const seen = { looks: 0, watched: [] as boolean[] };
  const inspection: Inspection = {
    policies,
    isReady: () => true,
    scopes: () => present.map((name) => fakeScope(name)),
    upstreams() {
      seen.looks += 1;
      return present.map(upstream);
    },
    config: () => ({}),
  };
  const feed = new Feed({
    clock,
    inspection,
    trends,
    describeProcess: () => ({ version: '1' }),
    onWatched: (isWatched) => seen.watched.push(isWatched),
  });
  return {
    clock,
    feed,
    seen,
    finish: (name: string) =>
      trends.scope(
        name,
        '',
      )({ type: 'attempt-finished', result: 'success', error: undefined, headersMs: 5 }),
    set: (...next: string[]) => {
      present = next;
    },
    watch: () => {
      const viewer = new FakeViewer();
      return { viewer, leave: feed.watch(viewer) };
    },
    advance: async (ms: number) => {
      await clock.advance(ms);
      await settle();
    },
  };
}

t.test(
  'without a viewer nothing is looked at, and no timer runs but the one of the slots',
  async (t) => {
    const { clock, seen, watch, advance } = build('a');
    await advance(60_000);
    t.equal(seen.looks, 0);
    const { leave } = watch();
    await advance(2000);
    t.ok(seen.looks > 1);
    leave!();
    const { looks } = seen;
    await advance(60_000);
    t.equal(seen.looks, looks);
    t.equal(clock.pending, 1);
    t.same(seen.watched, [true, false]);
  },
);

t.test('the first message has everything, further ones what has changed', async (t) => {
  const { watch, advance, finish, set } = build('a', 'b');
  const { viewer } = watch();
  await advance(0);
  t.match(viewer.last(), { event: 'state', process: { version: '1' }, removed: [] });
  t.same(viewer.names(), ['a', 'b']);
  t.same(
    viewer.last().upstreams.map(({ history }) => history),
    [null, null],
    'idle ones have no history',
  );
  finish('b');
  await advance(1000);
  t.equal(viewer.last().event, 'update');
  t.same(viewer.names(), ['b']);
  set('b', 'c');
  await advance(1000);
  t.same(viewer.last().removed, ['a']);
  t.ok(viewer.names().includes('c'));
  const ids = viewer.messages.map((message) => /^id: (\d+)$/m.exec(message)?.[1]);
  t.same(ids, ['1', '2', '3']);
});

t.test('a viewer that comes later gets everything at the next message', async (t) => {
  const { watch, advance, finish } = build('a');
  watch();
  finish('a');
  await advance(3000);
  const { viewer } = watch();
  await advance(1000);
  t.equal(viewer.last().event, 'state');
  t.equal(viewer.last().upstreams[0]!.history!.calls.length, 60);
});

t.test(
  'a slot that is over is sent once more: calls may have come after the last message',
  async (t) => {
    const { watch, advance, finish } = build('a');
    const { viewer } = watch();
    await advance(1000);
    finish('a');
    await advance(SLOT_MS);
    const before = viewer.messages.filter((message) => message.includes('"before"'));
    t.equal(before.length, 1);
    t.match(before[0], /"before":\{[^}]*"p50":6/);
  },
);

t.test('one that takes nothing is left out, gets everything anew, or is dropped', async (t) => {
  const { feed, watch, advance } = build('a');
  const { viewer } = watch();
  const { viewer: other } = watch();
  await advance(0);
  viewer.isStuck = true;
  const { length } = viewer.messages;
  await advance(PATIENCE_MS - 2000);
  t.equal(viewer.messages.length, length);
  t.ok(other.messages.length > 10, 'others do not wait for it');
  viewer.isStuck = false;
  await advance(1000);
  t.equal(viewer.last().event, 'state');
  viewer.isStuck = true;
  await advance(PATIENCE_MS + 2000);
  t.ok(viewer.isDropped);
  t.notOk(other.isDropped);
  t.equal(feed.viewers, 1);
});

t.test('there is a limit of viewers', async (t) => {
  const { feed, watch } = build('a');
  const all = Array.from({ length: MAX_VIEWERS }, watch);
  t.equal(watch().leave, undefined);
  all[0]!.leave!();
  all[0]!.leave!();
  t.type(watch().leave, 'function', 'one place is free');
  t.equal(watch().leave, undefined);
  t.equal(feed.viewers, MAX_VIEWERS);
});

t.test('many upstreams are looked at half as often, and in parts', async (t) => {
  const names = Array.from({ length: 500 }, (_, i) => `u${i}`);
  const { seen, watch, advance } = build(...names);
  const { viewer } = watch();
  await advance(0);
  t.equal(viewer.names().length, 500);
  const { looks } = seen;
  for (let i = 0; i < 10; i++) await advance(1000);
  t.equal(seen.looks - looks, 5);
});

t.test('the snapshot is the first message as JSON', async (t) => {
  const { feed } = build('a', 'b');
  let text = '';
  for await (const piece of feed.snapshot()) text += piece;
  t.match(JSON.parse(text), { removed: [], upstreams: [{ name: 'a' }, { name: 'b' }] });
  const none = build();
  text = '';
  for await (const piece of none.feed.snapshot()) text += piece;
  t.same(JSON.parse(text).upstreams, []);
});
