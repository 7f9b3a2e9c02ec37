/** A call and a policy's context as tests need them. */
import { Attempt } from '../../src/core/attempt.js';
import { Call, type CallInit } from '../../src/core/call.js';
import type { Event } from '../../src/core/events.js';
import type { RequestBody } from '../../src/core/request-body.js';
import type { PolicyContext } from '../../src/core/policy.js';
import type { FakeClock } from './fake-clock.js';
import { FakeStage } from './fake-stage.js';
import { FakeStore } from './fake-store.js';

/** A GET without a body, started at the fake clock's zero. */
export function fakeCall(overrides: Partial<CallInit> = {}): Call {
  return new Call({
    method: 'GET',
    path: '/',
    headers: [],
    body: undefined,
    outgoing: [],
    startedAtMs: 0,
    ...overrides,
  });
}

/** The next attempt of a call. */
export const fakeAttempt = (call: Call = fakeCall()) => new Attempt(call);

/** A body that is here as a whole. */
export function fakeBody(text = '', overrides: Partial<RequestBody> = {}): RequestBody {
  return {
    isReplayable: true,
    readAhead: () => Promise.resolve({ bytes: Buffer.from(text), isWhole: true }),
    open: () => {
      throw new Error('policies send no bodies');
    },
    closeCursors() {},
    ...overrides,
  };
}

export interface FakeContext extends PolicyContext<never> {
  /** What the policy emitted, in order. */
  readonly events: Event[];
}

/** Without the call that it is about: a test has one call, or tells them apart by what happens to them. */
function plain(event: Event): Event {
  const { call: _, ...rest } = { call: undefined, ...event };
  return rest;
}

/** The upstream's own scope of `catalog`; chance always says 0.5. */
export function fakeContext(
  clock: FakeClock,
  overrides: Partial<PolicyContext<never>> = {},
): FakeContext {
  const events: Event[] = [];
  let tokens = 0;
  return {
    upstream: 'catalog',
    route: '',
    scopes: [],
    clock,
    random: () => 0.5,
    emit: (event) => void events.push(plain(event)),
    store: new FakeStore(clock),
    // Tests want to read what was hashed.
    hash: (data) => `#${Buffer.from(data).toString()}`,
    createToken: () => `token-${++tokens}`,
    pipelineOf: () => new FakeStage(),
    ...overrides,
    events,
  };
}
