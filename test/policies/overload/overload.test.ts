import t from 'tap';
import { LOOK_MS } from '../../../src/policies/overload/loop-delay.js';
import {
  overload,
  type OverloadChange,
  type OverloadOptions,
  type OverloadSettings,
} from '../../../src/policies/overload/index.js';
import { describePassed } from '../../../src/policies/overload/log.js';
import type { Event } from '../../../src/core/events.js';
import { fakeCall } from '../../support/fake-call.js';
import { FakeClock } from '../../support/fake-clock.js';

const MIB = 1024 ** 2;

const fill = (written: Partial<OverloadOptions> | 'off'): OverloadSettings =>
  written === 'off'
    ? 'off'
    : { mode: 'enforce', eventLoopDelay: 100, memory: 0.85, shed: 0.3, ...written };

function build(settings: Partial<OverloadOptions> | 'off' = {}) {
  const clock = new FakeClock();
  const changes: OverloadChange[] = [];
  const chance = { value: 0 };
  const memory = { usedBytes: 10 * MIB, limitBytes: 100 * MIB };
  let opened = 0;
  const context = {
    clock,
    random: () => chance.value,
    openMemory: () => {
      opened++;
      return () => ({ ...memory });
    },
    onChange: (change: OverloadChange) => changes.push(change),
  };
  let made = overload.create(fill(settings), context);
  const events: Event[] = [];
  const refuse = (upstream = 'catalog', call = fakeCall()) =>
    made?.refuse(call, { upstream, emit: (event) => events.push(event) });
  return {
    clock,
    changes,
    events,
    chance,
    memory,
    opened: () => opened,
    made: () => made,
    sheds: () => refuse() !== undefined,
    refuse,
    reload: (written: Partial<OverloadOptions> | 'off') => {
      made = overload.create(fill(written), context, made);
    },
    /** One reading with the loop `ms` late all along. */
    late: async (ms: number) => {
      for (let coveredMs = 0; coveredMs < LOOK_MS; coveredMs += ms + 10) {
        clock.stall(ms + 10);
        await clock.advance(0);
      }
    },
    calm: () => clock.advance(LOOK_MS),
  };
}

t.test('sheds nothing while the readings are at or below their limits', async (t) => {
  const { sheds, memory, late, changes } = build({ memory: 0.85, shed: 1 });
  memory.usedBytes = 85 * MIB;
  for (let i = 0; i < 8; i++) {
    await late(100);
    t.notOk(sheds());
  }
  t.same(changes, []);
});

t.test('sheds when the loop is late twice in a row, which is within a second', async (t) => {
  const { clock, sheds, late } = build();
  await late(150);
  t.notOk(sheds(), 'the first reading may be a single pause');
  await late(150);
  t.ok(sheds());
  t.ok(clock.now() < 1000, `${clock.now()} ms`);
});

t.test('sheds nothing for a single pause, however long', async (t) => {
  const { clock, sheds, calm, changes } = build();
  clock.stall(5000);
  for (let i = 0; i < 4; i++) {
    await calm();
    t.notOk(sheds());
  }
  t.same(changes, []);
});

t.test('ends when all is well twice in a row', async (t) => {
  const { sheds, late, calm } = build();
  await late(150);
  await late(150);
  await calm();
  t.ok(sheds(), 'one reading may be a lull');
  await late(150);
  await calm();
  t.ok(sheds(), 'the lull was one');
  await calm();
  t.notOk(sheds());
});

t.test('sheds from the start where memory is above its limit already', async (t) => {
  const { sheds, changes } = build({ memory: 0.05 });
  t.ok(sheds());
  t.same(changes, [
    { passed: [{ limit: 'memory', observed: 0.1, threshold: 0.05 }], shed: 0.3, mode: 'enforce' },
  ]);
});

t.test('sheds with the first reading of memory above its limit', async (t) => {
  const { memory, sheds, calm } = build();
  memory.usedBytes = 86 * MIB;
  t.notOk(sheds());
  await calm();
  t.ok(sheds());
  memory.usedBytes = 84 * MIB;
  await calm();
  await calm();
  t.notOk(sheds());
});

t.test('follows a limit of memory that is changed while it runs', async (t) => {
  const { memory, sheds, calm } = build();
  memory.limitBytes = 11 * MIB;
  await calm();
  t.ok(sheds());
});

t.test('goes on while either limit is passed', async (t) => {
  const { memory, sheds, late, calm, changes } = build();
  await late(150);
  await late(150);
  memory.usedBytes = 90 * MIB;
  for (let i = 0; i < 4; i++) await calm();
  t.ok(sheds());
  memory.usedBytes = 10 * MIB;
  await calm();
  await calm();
  t.notOk(sheds());
  t.same(
    changes.map(({ passed }) => passed.map(({ limit }) => limit)),
    [['eventLoopDelay'], []],
    'tells of the beginning and of the end only',
  );
});

t.test('looks at neither limit that is off', async (t) => {
  const { memory, sheds, late } = build({ eventLoopDelay: 'off', memory: 'off' });
  memory.usedBytes = 99 * MIB;
  for (let i = 0; i < 4; i++) await late(500);
  t.notOk(sheds());
});

t.test('refuses the calls that chance picks', async (t) => {
  const { chance, sheds } = build({ memory: 0.01, shed: 0.3 });
  chance.value = 0.299;
  t.ok(sheds());
  chance.value = 0.3;
  t.notOk(sheds());
});

t.test('refuses all calls with 100% and none with 0%', async (t) => {
  const all = build({ memory: 0.01, shed: 1 });
  all.chance.value = 0.999_999;
  t.ok(all.sheds());
  t.notOk(build({ memory: 0.01, shed: 0 }).sheds());
});

t.test('says who was not called, what was seen, and when to come back', async (t) => {
  const { memory, refuse, late } = build();
  memory.usedBytes = 90 * MIB;
  await late(240);
  await late(240);
  const error = refuse()!;
  t.match(error, { reason: 'overloaded', status: 503, retryAfterMs: 1000 });
  t.equal(
    error.message,
    'Cannot call catalog because Breakwater is overloaded: its event loop is 240 ms late, more than overload.eventLoopDelay, 100 ms, and it uses 90% of the memory that it may have, more than overload.memory, 85%',
  );
  t.match(refuse('')!.message, /^Cannot take the call because/);
});

t.test('shows small shares as they are', async (t) => {
  t.match(
    describePassed({ limit: 'memory', observed: 0.002_346, threshold: 0.0001 }),
    /uses 0\.235% .*, 0\.01%$/,
  );
});

t.test('costs nothing while it is off', async (t) => {
  const { clock, made, opened } = build('off');
  t.equal(made(), undefined);
  t.equal(clock.pending, 0);
  t.equal(opened(), 0);
});

t.test('ends at once when a reload switches it off', async (t) => {
  const { clock, made, sheds, reload } = build({ memory: 0.01 });
  t.ok(sheds());
  reload('off');
  t.equal(made(), undefined);
  t.equal(clock.pending, 0, 'no timer is left');
});

t.test('begins and ends at once when a reload moves the limit of memory', async (t) => {
  const { sheds, reload, opened } = build();
  reload({ memory: 0.05 });
  t.ok(sheds());
  reload({ memory: 0.5 });
  t.notOk(sheds());
  t.equal(opened(), 1, 'where the limits are is found once');
});

t.test('goes on through a reload that changes nothing about it', async (t) => {
  const { sheds, late, reload, changes } = build();
  await late(150);
  reload({});
  await late(150);
  t.ok(sheds());
  reload({});
  t.ok(sheds());
  t.equal(changes.length, 1);
});

t.test('judges what it has seen of the loop by the limit of a reload', async (t) => {
  const { sheds, late, reload } = build();
  await late(150);
  await late(150);
  reload({ eventLoopDelay: 200 });
  t.notOk(sheds());
});

t.test('shows its memory as it was at the last look, while that is a reason', async (t) => {
  const { made, memory, calm, reload } = build({ memory: 0.85 });
  t.same(made()?.memory, { used: 0.1, limit: 0.85 });
  memory.usedBytes = 50 * MIB;
  await calm();
  t.same(made()?.memory, { used: 0.5, limit: 0.85 });
  reload({ memory: 0.9 });
  t.same(made()?.memory, { used: 0.5, limit: 0.9 });
  reload({ memory: 'off' });
  t.equal(made()?.memory, undefined);
});

t.test('in shadow it refuses no call, and counts those that chance picks', async (t) => {
  const { chance, refuse, events, made } = build({ mode: 'shadow', memory: 0.01, shed: 0.3 });
  const picked = fakeCall();
  chance.value = 0.299;
  t.equal(refuse('catalog', picked), undefined);
  t.same(picked.shadow, ['overloaded']);
  const left = fakeCall();
  chance.value = 0.3;
  t.equal(refuse('catalog', left), undefined);
  t.same(left.shadow, []);
  t.same(events, [{ type: 'shadow-refused', policy: 'overload', reason: 'overloaded' }]);
  t.equal(made()!.shedding, undefined);
  t.match(made()!.wouldShed, /uses 10% of the memory/);
});

t.test('in shadow the log says what would be shed', async (t) => {
  const { changes, memory, calm } = build({ mode: 'shadow', memory: 0.09 });
  memory.usedBytes = 1 * MIB;
  for (let i = 0; i < 3; i++) await calm();
  t.match(changes.map(overload.line), [
    {
      level: 'info',
      fields: { mode: 'shadow', shed: 0.3 },
      message: /^overloaded: 30% of calls would be shed because it uses 10%/,
    },
    { level: 'info', fields: { mode: 'shadow' }, message: /^overload is over/ },
  ]);
});

t.test('goes on through a reload to shadow and back, and says what it does now', async (t) => {
  const { sheds, late, reload, changes, made } = build();
  await late(150);
  await late(150);
  t.ok(sheds());
  reload({ mode: 'shadow' });
  t.notOk(sheds());
  t.type(made()!.wouldShed, 'string');
  reload({ mode: 'enforce' });
  t.ok(sheds());
  t.equal(made()!.wouldShed, undefined);
  t.same(
    changes.map((change) => overload.line(change).message.slice(0, 39)),
    [
      'overloaded: 30% of calls are shed becau',
      'overloaded: 30% of calls would be shed ',
      'overloaded: 30% of calls are shed becau',
    ],
  );
});

t.test('the log warns of the beginning, and tells the end', async (t) => {
  const { changes, memory, calm } = build({ memory: 0.09 });
  memory.usedBytes = 1 * MIB;
  for (let i = 0; i < 3; i++) await calm();
  t.match(changes.map(overload.line), [
    { level: 'warn', message: /^overloaded: 30% of calls are shed because it uses 10%/ },
    { level: 'info', message: /^overload is over/ },
  ]);
});
