/** The simulated callers: they call whether or not their earlier calls have ended, and give up after a time. */
import { combinedValue, type Fields } from '../../src/http/fields.js';
import type { Caller, CallerRequest, CallerResponse } from '../../src/simulation/caller.js';
import { exponential } from '../../src/simulation/chance.js';
import type { VirtualClock } from '../../src/simulation/virtual-clock.js';
import type { Ending, Recorder } from './recorder.js';

/** Callers that come by themselves, however many are waiting already (an open loop, Poisson arrivals). */
export interface Callers {
  readonly name: string;
  /** Calls per second, at an instant; 0 pauses them for 100 ms. */
  readonly perSecond: number | ((nowMs: number) => number);
  /** When they give up and hang up, ms. */
  readonly patienceMs: number;
  readonly headers?: Fields;
  readonly method?: string;
}

/** What stands between the callers and the proxy: each part calls `then` when its turn comes. */
export interface Door {
  /** A request comes to the proxy. */
  enter(then: () => void): void;
  /** The proxy has its response. */
  leave(response: CallerResponse, then: () => void): void;
}

export const openDoor: Door = { enter: (then) => then(), leave: (_response, then) => then() };

export type Send = (
  request: CallerRequest,
  onResponse: (response: CallerResponse) => void,
) => Caller;

/** Of a caller that has given up. */
const GONE = { status: 499, reason: '' };

export function keepCalling(
  callers: Callers,
  send: Send,
  clock: VirtualClock,
  recorder: Recorder,
  random: () => number,
  door: Door = openDoor,
): void {
  const { name, perSecond, patienceMs, headers = [], method = 'GET' } = callers;

  function callOnce(): void {
    const startedAtMs = clock.now();
    let caller: Caller | undefined;
    let isOver = false;
    const end = (ending: Pick<Ending, 'status' | 'reason'>): void => {
      if (isOver) return;
      isOver = true;
      patience.cancel();
      recorder.record(name, startedAtMs, { ...ending, tookMs: clock.now() - startedAtMs });
    };
    const patience = clock.schedule(patienceMs, () => {
      end(GONE);
      caller?.hangUp();
    });
    const onResponse = (response: CallerResponse): void => {
      const { status, fields } = response;
      const reason = combinedValue(fields, 'x-breakwater-reason') ?? '';
      door.leave(response, () => end({ status, reason }));
    };
    door.enter(() => {
      if (!isOver) caller = send({ method, target: '/', fields: headers }, onResponse);
    });
  }

  function next(): void {
    const rate = typeof perSecond === 'number' ? perSecond : perSecond(clock.now());
    if (rate === 0) return void clock.schedule(100, next);
    clock.schedule(exponential(1000 / rate)(random), () => {
      callOnce();
      next();
    });
  }
  next();
}
